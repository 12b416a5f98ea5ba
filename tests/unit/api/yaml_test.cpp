#include "api/yaml.h"

#include <catch2/catch.hpp>

namespace fairway::api {
namespace {

using Json = nlohmann::json;

Json one(std::string_view text) {
  const auto documents = parseYaml(text);
  INFO(text);
  INFO((documents ? std::string() : documents.error().message));
  REQUIRE(documents);
  REQUIRE(documents->size() == 1);
  return documents->front().value;
}

std::string errorOf(std::string_view text, const YamlLimits& limits = {}) {
  const auto documents = parseYaml(text, limits);
  INFO(text);
  REQUIRE_FALSE(documents);
  return documents.error().message;
}

TEST_CASE("plain scalars mean what they mean to kubectl") {
  for (const auto* text : {"true", "True", "TRUE", "yes", "Yes", "on", "ON", "On"})
    CHECK(one("a: " + std::string(text))["a"] == true);
  for (const auto* text : {"false", "No", "no", "off", "OFF"}) CHECK(one("a: " + std::string(text))["a"] == false);
  for (const auto* text : {"", "~", "null", "Null", "NULL"}) CHECK(one("a: " + std::string(text))["a"].is_null());
  const std::vector<std::pair<std::string, Json>> table{
      {"0", 0},
      {"80", 80},
      {"-5", -5},
      {"+5", 5},
      {"0x1F", 31},
      {"0o17", 15},
      {"017", 15},
      {"0b11", 3},
      {"1_000", 1000},
      {"1.5", 1.5},
      {"-1.5e3", -1500.0},
      {"+.5", 0.5},
      {"1e3", 1000.0},
      {"18446744073709551615", 18446744073709551615ULL},
      {"-9223372036854775808", INT64_MIN},
      {"1.2.3", "1.2.3"},
      {"10.0.0.1", "10.0.0.1"},
      {"1s", "1s"},
      {"v1", "v1"},
      {"oN", "oN"},
      {"y", "y"},
      {"n", "n"},
      {".inf", ".inf"},
      {"nan", "nan"},

      {"08", 8.0},
      {"_1", "_1"},
      {"2020-01-02", "2020-01-02"},
      {"1_", "1_"},
      {"0x", "0x"},
      {"--1", "--1"},
      {"-0x10", -16},
      {"1e999", "1e999"},
      {"a b", "a b"},
      {"trueish", "trueish"},
      {"0o8", "0o8"},
      {"00b1", "00b1"},
  };
  for (const auto& [text, value] : table) {
    INFO(text);
    CHECK(one("a: " + text)["a"] == value);
    CHECK(one("a: " + text)["a"].dump() == value.dump());
  }
}

TEST_CASE("quoted and tagged scalars are text") {
  const auto json = one(R"(
a: "on"
b: 'true'
c: "80"
d: ""
e: !!str 80
f: |
  on
g: >-
  one
  two
h: "\u00e4\n"
i: !!int "7"
80: key
on: key
)");
  CHECK(json == Json::parse(R"({"a": "on", "b": "true", "c": "80", "d": "", "e": "80", "f": "on\n", "g": "one two",
                                "h": "ä\n", "i": 7, "80": "key", "on": "key"})"));
}

TEST_CASE("documents are told apart, and empty ones left out") {
  const auto documents = parseYaml("---\n# nothing\n---\na: 1\n---\n---\n\nb: 2\n...\n---\nnull\n");
  REQUIRE(documents);
  REQUIRE(documents->size() == 2);
  CHECK((*documents)[0].value == Json{{"a", 1}});
  CHECK((*documents)[0].line == 4);
  CHECK((*documents)[1].value == Json{{"b", 2}});
  CHECK((*documents)[1].line == 8);
  CHECK(parseYaml("")->empty());
  CHECK(parseYaml("# only a comment\n")->empty());
  CHECK(parseYaml("\xEF\xBB\xBF"
                  "a: 1")
            ->size() == 1);
  CHECK(parseYaml("a: 1\r\nb:\r\n- 2\r\n")->front().value == Json::parse(R"({"a": 1, "b": [2]})"));
  CHECK(one(R"({"json": [1, {"is": "yaml"}], "too": null})") ==
        Json::parse(R"({"json": [1, {"is": "yaml"}], "too": null})"));
}

TEST_CASE("anchors, aliases and merge keys") {
  CHECK(one("a: &x [1, 2]\nb: *x\n") == Json::parse(R"({"a": [1, 2], "b": [1, 2]})"));
  CHECK(one("a: &x text\nb: {*x : 1}\n") == Json::parse(R"({"a": "text", "b": {"text": 1}})"));
  CHECK(one("base: &b {x: 1, y: 2}\nc:\n  <<: *b\n  y: 3\n")["c"] == Json::parse(R"({"x": 1, "y": 3})"));
  CHECK(one("d: &d {x: 1}\ne: &e {x: 2, z: 4}\nc:\n  y: 3\n  <<: [*d, *e]\n")["c"] ==
        Json::parse(R"({"x": 1, "y": 3, "z": 4})"));
  CHECK(one("a: {\"<<\": 1}")["a"] == Json{{"<<", 1}});
  CHECK(errorOf("a: {<<: 1}").find("expected an alias of a mapping") != std::string::npos);
  CHECK(errorOf("a: &x [*x]").find("contains it") != std::string::npos);
  CHECK(errorOf("a: *nowhere").find("line 1, column") == 0);
}

TEST_CASE("the lines of fields") {
  const auto documents = parseYaml(R"(apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: a
  labels:
    app.kubernetes.io/name: x
spec:
  hosts: [a]
  http:
  - match:
    - uri: {exact: /a}
    -
      uri:
        exact:
          /b
    route:
    - destination:
        host: a
---
second: 1
)");
  REQUIRE(documents);
  const auto& lines = documents->front().lines;
  CHECK(lines.lineOf("") == 1);
  CHECK(lines.lineOf("kind") == 2);
  CHECK(lines.lineOf("metadata.labels[app.kubernetes.io/name]") == 6);
  CHECK(lines.lineOf("spec") == 7);
  CHECK(lines.lineOf("spec.hosts[0]") == 8);
  CHECK(lines.lineOf("spec.http[0]") == 10);
  CHECK(lines.lineOf("spec.http[0].match[0].uri.exact") == 11);
  CHECK(lines.lineOf("spec.http[0].match[1].uri") == 13);
  CHECK(lines.lineOf("spec.http[0].match[1].uri.exact") == 14);
  CHECK(lines.lineOf("spec.http[0].route[0].destination.host") == 18);
  // The nearest parent of what is not there.
  CHECK(lines.lineOf("spec.http[0].route[0].destination.port.number") == 17);
  CHECK(lines.lineOf("spec.http[7].route") == 9);
  CHECK(lines.lineOf("spec.http.match") == 9);
  CHECK(lines.lineOf("nowhere") == 1);
  CHECK((*documents)[1].lines.lineOf("second") == 20);
  CHECK(LineMap().lineOf("a") == 0);
}

TEST_CASE("lists are expanded with their lines") {
  auto documents = parseYaml(R"(apiVersion: v1
kind: List
items:
- kind: Service
  metadata:
    name: a
- apiVersion: v1
  kind: PodList
  items:
  - kind: Pod
    spec: {x: 1}
)");
  REQUIRE(documents);
  const auto items = expandList(std::move(documents->front()));
  REQUIRE(items.size() == 2);
  CHECK(items[0].value["kind"] == "Service");
  CHECK(items[0].line == 4);
  CHECK(items[0].lines.lineOf("metadata.name") == 6);
  CHECK(items[1].value["kind"] == "Pod");
  CHECK(items[1].line == 10);
  CHECK(items[1].lines.lineOf("spec.x") == 11);

  auto plain = parseYaml("kind: Service\nitems: [1]");
  CHECK(expandList(std::move(plain->front())).size() == 1);
  auto empty = parseYaml("kind: List\nitems: []");
  CHECK(expandList(std::move(empty->front())).empty());
}

TEST_CASE("errors tell line, column and reason") {
  CHECK(errorOf("a: 1\nb: [1, 2\n").find("line 3, column 1: ") == 0);
  CHECK(errorOf("a: 1\n\tb: 2\n").find("line 2, column") == 0);
  CHECK(errorOf("a: 1\n b: 2\n").find("line 2, column") == 0);
  CHECK(errorOf("a: 1\nb: 2\na: 3\n") == "line 3, column 1: the key \"a\" is given twice, first in line 1");
  CHECK(errorOf("a: !binary abc").find("the tag") != std::string::npos);
  CHECK(errorOf("? [a]\n: b\n").find("expected text") != std::string::npos);
  CHECK(errorOf("a: \"unclosed").find("line 1, column") == 0);
  CHECK(errorOf("a: 1\nb: \xFF\n") == "line 2, column 4: these bytes are not UTF-8 text; is this a YAML file?");
}

}  // namespace
}  // namespace fairway::api
