#include "agent/samples.h"

#include <random>

#include <catch2/catch.hpp>

using namespace fairway::agent;

TEST_CASE("samples of the text format") {
  const auto plain = parseSample("envoy_x 3");
  REQUIRE(plain);
  CHECK(plain->name == "envoy_x");
  CHECK(plain->labels.empty());
  CHECK(plain->value == "3");
  const auto labelled = parseSample(R"(a_bucket{x="1",y="}\"{",le="+Inf"} 4.5 1700000000)");
  REQUIRE(labelled);
  CHECK(labelled->name == "a_bucket");
  CHECK(labelled->labels == R"(x="1",y="}\"{",le="+Inf")");
  CHECK(labelled->value == "4.5 1700000000");
  for (const auto* bad :
       {"", "# TYPE a counter", "a", "a{", "a{x=\"1\" 2", "1a 2", "{x=\"1\"} 2", "a{x=\"1}\" 2", "a{} "}) {
    CAPTURE(bad);
    CHECK_FALSE(parseSample(bad));
  }
}

TEST_CASE("labels with and without escapes") {
  CHECK(parseLabels("").value().empty());
  CHECK(parseLabels(R"(a="1",b="x\\y\"z\nw",c="")").value() == Labels{{"a", "1"}, {"b", "x\\y\"z\nw"}, {"c", ""}});
  CHECK(parseLabels(R"(a="1",)").value() == Labels{{"a", "1"}});
  for (const auto* bad : {"a", "a=", "a=1", "a=\"1", "a=\"1\"b=\"2\"", ",a=\"1\"", "a=\"1\\"}) {
    CAPTURE(bad);
    CHECK_FALSE(parseLabels(bad));
  }
}

TEST_CASE("labels are written so that Prometheus takes them") {
  std::string text;
  appendLabel(text, "a", "plain");
  appendLabel(text, "b", "x\\y\"z\nw");
  CHECK(text == R"(a="plain",b="x\\y\"z\nw")");
  // No byte that is not UTF-8, and no half of a character at the cut.
  for (const auto& [value, expected] : std::vector<std::pair<std::string, std::string>>{
           {"\xC3\xA4", "\xC3\xA4"},
           {"\xE2\x82\xAC", "\xE2\x82\xAC"},
           {"\xF0\x9F\x98\x80", "\xF0\x9F\x98\x80"},
           {"a\xFFz", "a?z"},
           {"\xC3", "?"},
           {"\xC0\x80", "??"},
           {"\xED\xA0\x80", "???"},
           {"\xF5\x80\x80\x80", "????"},
           {std::string(511, 'a') + "\xC3\xA4", std::string(511, 'a') + "?"},
           {std::string(600, 'a'), std::string(512, 'a')}}) {
    std::string one;
    appendLabel(one, "a", value);
    CHECK(one == "a=\"" + expected + "\"");
  }
}

TEST_CASE("what is written is read back") {
  std::mt19937 random(3);
  const std::string letters = "ab\"\\\n{},= \xC3\xA4";
  for (int i = 0; i < 20'000; ++i) {
    Labels labels;
    std::string text;
    for (auto left = random() % 4; left > 0; --left) {
      std::string value;
      for (auto size = random() % 12; size > 0; --size) value += letters[random() % letters.size()];
      appendLabel(text, "l" + std::to_string(left), value);
    }
    const auto line = "m{" + text + "} 1";
    const auto sample = parseSample(line);
    REQUIRE(sample);
    CHECK(sample->labels == text);
    const auto read = parseLabels(sample->labels);
    REQUIRE(read);
    std::string again;
    for (const auto& [name, value] : *read) appendLabel(again, name, value);
    CHECK(again == text);
  }
}

TEST_CASE("random lines are read or refused") {
  std::mt19937 random(5);
  const std::string letters = "ab1_{}=\",\\ \n\t#\xFF.";
  for (int i = 0; i < 100'000; ++i) {
    std::string line;
    for (auto left = random() % 30; left > 0; --left) line += letters[random() % letters.size()];
    if (const auto sample = parseSample(line)) {
      CHECK_FALSE(sample->name.empty());
      CHECK_FALSE(sample->value.empty());
      (void)parseLabels(sample->labels);
    }
  }
}
