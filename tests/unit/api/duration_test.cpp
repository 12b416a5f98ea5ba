#include "api/duration.h"

#include <catch2/catch.hpp>

using namespace std::chrono_literals;
using fairway::api::parseDuration;

TEST_CASE("durations are Go's") {
  CHECK(parseDuration("0") == 0ns);
  CHECK(parseDuration("0s") == 0ns);
  CHECK(parseDuration("1.5s") == 1500ms);
  CHECK(parseDuration("100ms") == 100ms);
  CHECK(parseDuration("1h") == 1h);
  CHECK(parseDuration("1h30m10s") == 1h + 30min + 10s);
  CHECK(parseDuration("+2s") == 2s);
  CHECK(parseDuration(".5s") == 500ms);
  CHECK(parseDuration("3.s") == 3s);
  CHECK(parseDuration("7us") == 7us);
  CHECK(parseDuration("7\xC2\xB5s") == 7us);
  CHECK(parseDuration("7\xCE\xBCs") == 7us);
  CHECK(parseDuration("9ns") == 9ns);
  CHECK(parseDuration("0.123456789s") == 123456789ns);
  CHECK(parseDuration("2540400h") == 2540400h);
}

TEST_CASE("other texts are no durations") {
  for (const auto* text : {"", "5", "s", ".s", "1.2.3s", "1d", "1 s", "s1", "1s ", "1e3s", "+", "0x1s"}) {
    INFO(text);
    const auto parsed = parseDuration(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find("expected a duration such as") != std::string::npos);
  }
  CHECK(parseDuration("-1s").error().message.find("not negative") != std::string::npos);
  CHECK(parseDuration("99999999999h").error().message.find("292 years") != std::string::npos);
  CHECK(parseDuration(std::string(5000, '9') + "s").error().message.find("292 years") != std::string::npos);
}
