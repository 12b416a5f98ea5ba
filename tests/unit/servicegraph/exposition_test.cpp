#include "servicegraph/exposition.h"

#include <catch2/catch.hpp>

#include <cmath>

using namespace fairway::servicegraph;

TEST_CASE("lines of Prometheus' text format") {
  struct Row {
    const char* line;
    bool good;
    const char* name;
    Labels labels;
    double value;
  };
  const std::vector<Row> rows{
      {"up 1", true, "up", {}, 1},
      {"a{} 2.5e3 1700000000", true, "a", {}, 2500},
      {R"(a{b="c",d="e"} 3)", true, "a", {{"b", "c"}, {"d", "e"}}, 3},
      {R"(a{b="q\"u\\o\nte}",c="", } 4)", true, "a", {{"b", "q\"u\\o\nte}"}, {"c", ""}}, 4},
      {"# TYPE a counter", false, "", {}, 0},
      {"", false, "", {}, 0},
      {"a", false, "", {}, 0},
      {"a{b=\"c\" 1", false, "", {}, 0},
      {"a{b=c} 1", false, "", {}, 0},
      {"a{b=\"c", false, "", {}, 0},
      {"a x", false, "", {}, 0},
      {"{a=\"b\"} 1", false, "", {}, 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.line);
    const auto parsed = parseMetricLine(row.line);
    REQUIRE(parsed.has_value() == row.good);
    if (!parsed) continue;
    CHECK(parsed->name == row.name);
    CHECK(parsed->sample.labels == row.labels);
    CHECK(parsed->sample.value == row.value);
  }
  CHECK(std::isinf(parseMetricLine("a +Inf")->sample.value));
  CHECK(parseMetricLine("a{b=\"c\"}   7 8")->series == "a{b=\"c\"}");
}

TEST_CASE("of a page the wanted lines are told") {
  std::vector<std::string> seen;
  forEachMetric("# HELP x\nistio_a 1\r\nenvoy_b 2\n\nistio_c{ 3\nistio_d 4", "istio_",
                [&](const MetricLine& line) { seen.push_back(line.name); });
  CHECK(seen == std::vector<std::string>{"istio_a", "istio_d"});
}
