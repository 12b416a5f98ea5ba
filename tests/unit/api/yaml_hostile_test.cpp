#include <catch2/catch.hpp>

#include <random>

#include "api/codec.h"
#include "api/yaml.h"

namespace fairway::api {
namespace {

std::string repeat(std::string_view text, std::size_t times) {
  std::string result;
  result.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

void refused(const std::string& text, std::string_view fragment, const YamlLimits& limits = {}) {
  const auto documents = parseYaml(text, limits);
  INFO(text.substr(0, 60));
  REQUIRE_FALSE(documents);
  INFO(documents.error().message);
  CHECK(documents.error().message.find(fragment) != std::string::npos);
  CHECK(documents.error().message.size() < 500);
}

constexpr std::size_t kMega = 1024 * 1024;

TEST_CASE("a text over the limit is refused at once") {
  refused(std::string(10 * kMega, 'a'), "the text has 10485760 bytes, expected at most 4194304");
  refused("a: 1", "expected at most 3", {.bytes = 3});
}

TEST_CASE("deep nesting is refused in every form") {
  const YamlLimits limits{.bytes = 16 * kMega};
  refused(repeat("[", 10 * kMega), "nested too deeply", limits);
  refused(repeat("[\n", 5 * kMega), "nested too deeply", limits);
  refused(repeat("{a: ", 2 * kMega), "nested too deeply", limits);
  refused(repeat("{\na:\n", 2 * kMega), "nested too deeply", limits);
  refused(repeat("- ", 5 * kMega), "too many values", limits);
  refused(repeat("- ", 1000), "nested more than 64 deep");
  refused(repeat("[", 900), "");
  refused(repeat("? ", 1000), "");
  refused(repeat("[", 65) + repeat("]", 65), "nested more than 64 deep");
  CHECK(parseYaml(repeat("[", 64) + repeat("]", 64)));
  refused("[[[1]]]", "nested more than 2 deep", {.depth = 2});
  std::string indented;
  for (std::size_t i = 0; i < 1500; ++i) indented += std::string(i, ' ') + "a:\n";
  refused(indented, "nested more than 64 deep");
}

TEST_CASE("aliases do not multiply") {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const auto before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) laughs += (k > 0 ? ", " : "") + before;
    laughs += "]\n";
  }
  refused(laughs, "values (aliases counted each time)");
  std::string nested = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i)
    nested += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  refused(nested, "nested more than 64 deep");
  refused("base: &b {" + repeat("a, ", 1) + "c: 1}\nx:\n" + repeat("- *b\n", 300'000), "aliases counted");
}

TEST_CASE("many values are refused") {
  refused(repeat("- a\n", 600'000), "more than 500000 values");
  refused("[" + repeat("1,\n", 1'000'000) + "1]", "more than 500000 values");
  refused("[" + repeat("1,", 1'000'000) + "1]", "too many values");
  refused(repeat("--- a\n", 600'000), "more than 500000 values");
  refused("[1, 2, 3]", "more than 3 values", {.nodes = 3});
}

TEST_CASE("large but plain texts are read") {
  const auto block = parseYaml("a: |\n" + repeat("  some text [ ] { } , : - in a block\n", 90'000));
  CHECK(block);
  CHECK(parseYaml("a: \"" + std::string(3 * kMega, 'x') + "\""));
  CHECK(parseYaml("a: " + std::string(3 * kMega, 'x')));
  CHECK(parseYaml("a: " + repeat("word ", 500'000)));
  CHECK(parseYaml("a:\n" + repeat("  word\n", 500'000)));
  CHECK(parseYaml(repeat("# comment\n", 300'000) + "a: 1"));
  CHECK(parseYaml(repeat("\n", 3 * kMega) + "a: 1"));
  CHECK(parseYaml(repeat("---\n", 100'000))->empty());
}

TEST_CASE("bytes that are no YAML give an error or a value, never a crash") {
  refused(std::string("a: \0b", 5), "control character 0");
  refused(
      "\x7F"
      "ELF\x01\x01",
      "control character 127");
  refused(
      "\xFF\xFE"
      "a\0",
      "not UTF-8");
  refused("\xC0\x80", "not UTF-8");
  refused("\xED\xA0\x80", "not UTF-8");
  refused("\xF4\x90\x80\x80", "not UTF-8");
  refused("\xE2\x82", "not UTF-8");
  for (const auto* text :
       {"%YAML 9.9\n---\na", "%TAG ! x", "!<",      "!<tag:x> a", "&",      "*",        "&a &b c", "a: b: c",
        "- - - -",           "?",        ":",       "-",          "|9\n a", "a: |-+\n", "\"\\q\"", "\"\\xZZ\"",
        "\"\\UFFFFFFFF\"",   "@a",       "`a",      "{a, b",      "}",      "]",        "a: }",    "'",
        "[a, [b}",           "--- ---",  "... ...", "<<: *a",     "{? : }", "[,]",      "{,}",     "- a\nb",
        "a:\n- b\n c: d"}) {
    INFO(text);
    const auto documents = parseYaml(text);
    if (!documents) CHECK_FALSE(documents.error().message.empty());
  }
}

TEST_CASE("damaged manifests never crash parser or decoder") {
  const std::string manifest = R"(apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: a, namespace: b}
spec:
  hosts: [&h a, "b\n", 'c']
  http:
  - match: [{uri: {regex: "^/a(.*)$"}}, {headers: {x: {exact: *h}}}]
    route: [{destination: {host: a, port: {number: 80}}, weight: 10}]
    timeout: 1.5s
    retries: {attempts: 3, retryOn: "5xx"}
---
apiVersion: rbac.istio.io/v1alpha1
kind: ServiceRole
metadata: {name: a}
spec: {rules: [{services: ["*"], paths: [/a], constraints: [{key: "request.headers[x]", values: [y]}]}]}
)";
  std::mt19937 random(20240229);
  const std::string bytes = "[]{}:,-?&*!|>'\"%@`# \n\t\\0a\x01\xC3\xFF<~.";
  std::size_t read = 0, failed = 0;
  for (int round = 0; round < 5'000; ++round) {
    auto text = manifest;
    const auto changes = 1 + random() % 4;
    for (unsigned i = 0; i < changes; ++i) {
      const auto at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = bytes[random() % bytes.size()]; break;
        case 1: text.insert(at, 1, bytes[random() % bytes.size()]); break;
        default: text.erase(at, 1 + random() % 20); break;
      }
    }
    const auto documents = parseYaml(text);
    if (!documents) {
      ++failed;
      continue;
    }
    for (const auto& document : *documents) {
      ++read;
      const auto decoded = decode(document.value);
      for (const auto& problem : decoded.problems) {
        if (document.lines.lineOf(problem.field) == 0) FAIL("no line for " << problem.field);
      }
    }
  }
  CHECK(read > 500);
  CHECK(failed > 500);
}

}  // namespace
}  // namespace fairway::api
