#include "base/time.h"

#include <catch2/catch.hpp>

using namespace fairway;

TEST_CASE("a time as text is UTC, in whole seconds") {
  using std::chrono::system_clock;
  CHECK(utcText(system_clock::time_point{}) == "1970-01-01T00:00:00Z");
  CHECK(utcText(system_clock::time_point{std::chrono::milliseconds(1'709'210'096'999)}) == "2024-02-29T12:34:56Z");
}

TEST_CASE("times beyond what the clock can hold are its ends") {
  using std::chrono::system_clock;
  CHECK(timeOfSeconds(1'709'210'096) == system_clock::from_time_t(1'709'210'096));
  CHECK(timeOfSeconds(253'402'300'799) > system_clock::now());  // the year 9999
  CHECK(timeOfSeconds(INT64_MAX) == timeOfSeconds(253'402'300'799));
  CHECK(timeOfSeconds(INT64_MIN) < system_clock::time_point{});
}

TEST_CASE("a text is a time again, with its fraction") {
  using std::chrono::system_clock;
  using namespace std::chrono_literals;
  const system_clock::time_point day{std::chrono::seconds(1'709'210'096)};
  CHECK(timeOfText(utcText(day)) == day);
  CHECK(timeOfText("2024-02-29T12:34:56.25Z") == day + 250ms);
  CHECK(timeOfText("2024-02-29T12:34:56.000001Z") == day + 1us);
  CHECK(timeOfText("2024-02-29T12:34:56.Z") == day);
  for (const auto* text :
       {"", "yesterday", "2024-02-29T12:34:56", "2024-02-29T12:34:56+01:00", "2024-02-29T12:34:56Z "}) {
    CHECK_FALSE(timeOfText(text));
  }
}
