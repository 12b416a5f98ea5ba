#include "api/decoder.h"

#include <catch2/catch.hpp>

#include <limits>

namespace fairway::api {
namespace {

using Json = nlohmann::json;

std::string only(const Report& report) {
  REQUIRE(report.problems.size() == 1);
  return report.problems[0].field + ": " + report.problems[0].message;
}

TEST_CASE("numbers are taken as numbers and as decimal text") {
  Report report;
  const auto read = [&](const Json& json) { return Value(json, report).integer(-5, 100); };
  CHECK(read(7) == 7);
  CHECK(read(-5) == -5);
  CHECK(read("42") == 42);
  CHECK(read("-3") == -3);
  CHECK(read(80.0) == 80);
  CHECK(read("80.0") == 80);
  CHECK(report.problems.empty());
  for (const Json& json : {Json(101), Json(-6), Json(1.5), Json("1.5"), Json("x"), Json(""), Json("-"), Json("1."),
                           Json("."), Json(true), Json(nullptr), Json::array(), Json("99999999999999999999"),
                           Json(1e300), Json(std::numeric_limits<double>::quiet_NaN())}) {
    Report bad;
    INFO(json);
    CHECK_FALSE(Value(json, bad).integer(-5, 100));
    CHECK(only(bad).find("expected a whole number from -5 to 100") != std::string::npos);
  }
  const Json fraction("12.5");
  CHECK(Value(fraction, report).number(0, 100) == 12.5);
}

TEST_CASE("messages tell the path, what was found and what is expected") {
  const auto json = Json::parse(R"({"spec": {"list": [1, {"the key": "abc"}]}})");
  Report report;
  const Value root(json, report);
  {
    Fields fields(root);
    const auto spec = fields.get("spec");
    Fields inner(*spec);
    const auto list = inner.get("list");
    list->eachItem([&](const Value& item, std::size_t index) {
      if (index == 0) {
        CHECK_FALSE(item.text());
      } else {
        item.eachEntry([](const Value& entry, const std::string&) { CHECK_FALSE(entry.port()); });
      }
    });
  }
  REQUIRE(report.problems.size() == 2);
  CHECK(report.problems[0].field == "spec.list[0]");
  CHECK(report.problems[0].message == "found the number 1, expected text (put it in quotes)");
  CHECK(report.problems[1].field == "spec.list[1][the key]");
  CHECK(report.problems[1].message == "found the text \"abc\", expected a whole number from 1 to 65535");
}

TEST_CASE("fields are found in both spellings, and both at once is an error") {
  const auto json = Json::parse(R"({"not_paths": ["/a"], "consecutive_5xx_errors": 1, "h2_upgrade_policy": "x"})");
  Report report;
  const Value root(json, report);
  {
    Fields fields(root);
    CHECK(fields.get("notPaths")->path() == "not_paths");
    CHECK(fields.has("consecutive5xxErrors"));
    CHECK(fields.has("h2UpgradePolicy"));
  }
  CHECK(report.problems.empty());

  const auto twice = Json::parse(R"({"not_paths": ["/a"], "notPaths": ["/b"]})");
  const Value other(twice, report);
  { CHECK(Fields(other).has("notPaths")); }
  CHECK(only(report).find("the same field is also given as notPaths") != std::string::npos);
}

TEST_CASE("unknown fields are warned about, with the nearest known one") {
  const auto json = Json::parse(R"({"hots": [], "zzzzzz": 1, "hosts": []})");
  Report report;
  const Value root(json, report);
  { CHECK(Fields(root).has("hosts")); }
  REQUIRE(report.problems.size() == 2);
  CHECK(report.problems[0] ==
        Problem{Problem::Severity::warning, "hots", "unknown field, it is ignored; did you mean hosts?"});
  CHECK(report.problems[1] == Problem{Problem::Severity::warning, "zzzzzz", "unknown field, it is ignored"});

  Report lenient;
  lenient.strict = false;
  const Value same(json, lenient);
  { CHECK(Fields(same).has("hosts")); }
  CHECK(lenient.problems.empty());
}

TEST_CASE("enumerations are read by name and by number") {
  static constexpr EnumName<int> kNames[] = {{"OFF", 0, 10}, {"ON", 1, 11}};
  Report report;
  const auto read = [&](const Json& json) { return Value(json, report).oneOf<int>(kNames); };
  CHECK(read("ON") == 11);
  CHECK(read(0) == 10);
  CHECK(report.problems.empty());
  CHECK_FALSE(read("on"));
  CHECK(only(report) == ": found the text \"on\", expected one of OFF, ON");
}

TEST_CASE("a hostile object makes no endless report, and its unlisted parts are not taken for good") {
  Json json = Json::array();
  for (int i = 0; i < 100'000; ++i) json.push_back(i);
  Report report;
  CHECK(Value(json, report).texts().empty());
  CHECK(report.errors == 100'000);
  CHECK(report.problems.size() == 101);
  CHECK(hasErrorsAt(report.problems, "[99999]"));
}

TEST_CASE("quotes are safe to print") {
  CHECK(quote("a\"b\\c\n\x7F") == "\"a\\\"b\\\\c\\x0a\\x7f\"");
  const auto cut = quote(std::string(79, 'a') + "\xC3\xA4" + "b");
  CHECK(cut == "\"" + std::string(79, 'a') + "...\"");
  CHECK(describe(Json(nullptr)) == "nothing (null)");
  CHECK(describe(Json(true)) == "the boolean true");
  CHECK(describe(Json::object()) == "a mapping");
}

}  // namespace
}  // namespace fairway::api
