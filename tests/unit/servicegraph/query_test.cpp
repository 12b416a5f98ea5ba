#include "servicegraph/query.h"

#include <catch2/catch.hpp>

using namespace fairway::servicegraph;
using Parameters = std::map<std::string, std::string>;

TEST_CASE("durations are those of Prometheus") {
  struct Row {
    const char* text;
    std::int64_t milliseconds;  // 0: refused
  };
  const std::vector<Row> rows{{"5m", 300'000},
                              {"1h30m", 5'400'000},
                              {"100ms", 100},
                              {"1d", 86'400'000},
                              {"1w2d", 777'600'000},
                              {"1y", 31'536'000'000},
                              {"", 0},
                              {"5", 0},
                              {"m", 0},
                              {"5x", 0},
                              {"30m1h", 0},
                              {"5m5m", 0},
                              {"0s", 0},
                              {"-5m", 0},
                              {"1.5h", 0},
                              {"5m ", 0},
                              {"5m]) or up #", 0},
                              {"99999999999999999999y", 0},
                              {"101y", 0}};
  for (const auto& row : rows) {
    CAPTURE(row.text);
    const auto parsed = parsePrometheusDuration(row.text);
    CHECK(parsed.has_value() == (row.milliseconds != 0));
    if (parsed) CHECK(parsed->count() == row.milliseconds);
  }
}

TEST_CASE("the parameters of the old paths become the queries of old") {
  struct Row {
    Parameters parameters;
    std::string requests;
  };
  const std::string by = " by (source_workload, destination_workload, source_app, destination_app)";
  const std::vector<Row> rows{
      {{}, R"(sum(rate(istio_requests_total{reporter="destination"}[5m])))" + by},
      {{{"time_horizon", "15s"}, {"filter_empty", "true"}, {"other", "x"}},
       R"(sum(rate(istio_requests_total{reporter="destination"}[15s])))" + by + " > 0"},
      {{{"filter_empty", "1"}, {"time_horizon", ""}},
       R"(sum(rate(istio_requests_total{reporter="destination"}[5m])))" + by},
      {{{"source_workload", "a"}, {"destination_workload", "b\"} or up{x=\"\\\n"}, {"destination_namespace", "n"}},
       R"(sum(rate(istio_requests_total{reporter="destination", destination_namespace="n", )"
       R"(destination_workload="b\"} or up{x=\"\\\n", source_workload="a"}[5m])))" +
           by},
  };
  for (const auto& row : rows) {
    const auto options = classicOptions(row.parameters);
    REQUIRE(options.has_value());
    CHECK(classicRequests(*options) == row.requests);
  }
  CHECK(classicBytes({}) == R"(sum(rate(istio_tcp_received_bytes_total{reporter="destination"}[5m])))" + by);
  const auto bad = classicOptions({{"time_horizon", "soon"}});
  REQUIRE_FALSE(bad.has_value());
  CHECK(bad.error().message.find("not a valid duration string: \"soon\"") == 0);
}

TEST_CASE("queries go into a URL") {
  CHECK(percentEncoded("a b{c=\"d\"}[5m]&~") == "a%20b%7Bc%3D%22d%22%7D%5B5m%5D%26~");
}
