#include <catch2/catch.hpp>

#include "unit/diagnose/support.h"

namespace fairway::diagnose {

TEST_CASE("times of the API are read with and without a fraction, others are refused") {
  using std::chrono::system_clock;
  CHECK(system_clock::to_time_t(*parseTime("1970-01-02T00:00:01Z")) == 86401);
  CHECK(system_clock::to_time_t(*parseTime("1970-01-02T00:00:01.250000Z")) == 86401);
  CHECK_FALSE(parseTime("1970-01-02T00:00:01+02:00"));
  CHECK_FALSE(parseTime("yesterday"));
  CHECK_FALSE(parseTime(""));
}

TEST_CASE("values of another type than expected count as missing") {
  const nlohmann::json object{{"metadata", {{"name", 7}, {"labels", "x"}}}, {"spec", nullptr}};
  CHECK(nameOf(object).empty());
  CHECK(labelOf(object, "a/b").empty());
  CHECK(itemsAt(object, "/spec/containers").empty());
  CHECK(objectAt(object, "/spec").empty());
}

}  // namespace fairway::diagnose
