#include "inject/yaml_text.h"

#include "support.h"

using namespace fairway::inject;
using namespace fairway::inject::test;

TEST_CASE("what is written as YAML is read back the same") {
  const Json value = {
      {"words", {"yes", "NO", "on", "y", "n", "true", "null", "~", "", "Off", "plain", "two words"}},
      {"numbers as text",
       {"1", "1.5", "0x1f", "017", "1e3", "1_000", ".5", "-1", "+1", ".inf", "12:30:45", "2001-01-01"}},
      {"marks", {"a: b",  "a #b", "- a", "[a]", "{a}", "*a", "&a", "!a", "%a", "@a",    "`a",  "a:", "'a'",
                 "\"a\"", "a\\b", "=",   "<<",  "?",   "|",  ">",  "#",  ",",  "--- a", "a,b", "a]"}},
      {"spaces", {" a", "a ", "\ta", "a\tb", " "}},
      {"lines", {"a\nb", "a\nb\n", "a\n\n", "\na", " a\nb", "a\n b\n\n  c", "a\n   \nb", "a\r\nb", "\n", "---\na"}},
      {"other",
       {"\x01", "\x7f", "größer", "日本",
        "a\xC2\x85"
        "b",
        std::string("a\0b", 3)}},
      {"types", {1, -2, 1.5, true, false, nullptr, 18446744073709551615U}},
      {"empty", {{"list", Json::array()}, {"mapping", Json::object()}}},
      {"nested", yaml("[{a: [{b: [1, [2, 3]]}], c: d}, [[1], []], [[{x: y}]]]")},
      {"yes", "a key"},
      {"1", "a key"},
      {"a: b", "a key"},
      {"", "a key"},
  };
  const auto text = toYaml(value);
  INFO(text);
  const auto documents = fairway::api::parseYaml(text);
  REQUIRE(documents.has_value());
  REQUIRE(documents->size() == 1);
  CHECK(documents->front().value == value);
}

TEST_CASE("YAML in kubectl's style") {
  CHECK(toYaml(yaml("{b: [{w: [x], x: 1}, z], a: {c: ''}, d: \"l1\\nl2\\n\"}")) ==
        "a:\n  c: \"\"\nb:\n- w:\n  - x\n  x: 1\n- z\nd: |\n  l1\n  l2\n");
  CHECK(toYaml(Json::object()) == "{}\n");
  CHECK(toYaml(Json("yes")) == "\"yes\"\n");
}
