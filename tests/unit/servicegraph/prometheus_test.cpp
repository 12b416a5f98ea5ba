#include "servicegraph/prometheus.h"

#include <catch2/catch.hpp>

#include <cmath>

#include <nlohmann/json.hpp>

using namespace fairway;
using namespace fairway::servicegraph;
using namespace std::chrono_literals;

namespace {

std::string answer(const nlohmann::json& result) {
  return nlohmann::json{{"status", "success"}, {"data", {{"resultType", "vector"}, {"result", result}}}}.dump();
}

nlohmann::json entry(const std::string& from, const std::string& to, const std::string& value) {
  return {{"metric",
           {{"reporter", "destination"},
            {"source_workload", from},
            {"source_app", from},
            {"destination_workload", to},
            {"destination_app", to}}},
          {"value", {1700000000.5, value}}};
}

}  // namespace

TEST_CASE("answers to instant queries are read, and others refused with a reason") {
  const auto samples = parseInstantAnswer(answer({entry("a", "b", "1.5"), entry("a", "c", "NaN")}));
  REQUIRE(samples.has_value());
  REQUIRE(samples->size() == 2);
  CHECK((*samples)[0].label("source_workload") == "a");
  CHECK((*samples)[0].value == 1.5);
  CHECK(std::isnan((*samples)[1].value));
  struct Row {
    std::string body, reason;
  };
  const std::vector<Row> rows{
      {"", "no JSON object"},
      {"<html>", "no JSON object"},
      {"{}", "no status"},
      {R"({"status": "error", "errorType": "bad_data", "error": "parse error"})", "bad_data: parse error"},
      {R"({"status": "success", "data": {"resultType": "matrix", "result": []}})", "no vector"},
      {R"({"status": "success", "data": {"resultType": "vector", "result": {}}})", "no vector"},
      {R"({"status": "success"})", "no vector"},
      {answer({{{"metric", 1}, {"value", {1, "2"}}}}), "no sample"},
      {answer({{{"metric", nlohmann::json::object()}, {"value", {1, 2}}}}), "no sample"},
      {answer({{{"metric", nlohmann::json::object()}, {"value", {1, "two"}}}}), "no sample"},
  };
  for (const auto& row : rows) {
    const auto refused = parseInstantAnswer(row.body);
    REQUIRE_FALSE(refused.has_value());
    CHECK_THAT(refused.error().message, Catch::Contains(row.reason));
  }
}

TEST_CASE("the old graph is two questions") {
  std::vector<std::string> asked;
  const Prometheus prometheus([&](const std::string& target, std::chrono::milliseconds) -> Result<HttpAnswer> {
    asked.push_back(target);
    return HttpAnswer{200, answer(nlohmann::json::array({entry("a", "b", asked.size() == 1 ? "1" : "2")}))};
  });
  const auto graph = prometheus.classic({}, 1s);
  REQUIRE(graph.has_value());
  REQUIRE(asked.size() == 2);
  CHECK_THAT(asked[0], Catch::StartsWith("/api/v1/query?query=sum%28rate%28istio_requests_total"));
  CHECK_THAT(asked[1], Catch::Contains("istio_tcp_received_bytes_total"));
  REQUIRE(graph->edges.size() == 2);
  CHECK(graph->edges[0].label == "reqs/sec");
  CHECK(graph->edges[1].label == "bytes/sec");
}

TEST_CASE("a graph needs the requests; what else is missing is told") {
  std::string failing;
  const Prometheus prometheus([&](const std::string& target, std::chrono::milliseconds) -> Result<HttpAnswer> {
    if (!failing.empty() && target.find(failing) != std::string::npos) return HttpAnswer{503, "overloaded"};
    if (target.find("istio_tcp") != std::string::npos) return HttpAnswer{200, answer(nlohmann::json::array())};
    return HttpAnswer{200, answer(nlohmann::json::array({entry("a", "b", "4")}))};
  });
  auto whole = prometheus.graph("5m", 100, 1s);
  REQUIRE(whole.has_value());
  CHECK(whole->problem.empty());
  REQUIRE(whole->graph.edges.size() == 1);
  CHECK(whole->graph.edges[0].p99 == 4);
  failing = "histogram_quantile";
  auto part = prometheus.graph("5m", 100, 1s);
  REQUIRE(part.has_value());
  CHECK_THAT(part->problem, Catch::StartsWith("latencies are missing: status 503"));
  CHECK_FALSE(part->graph.edges[0].p99.has_value());
  failing = "/api";
  CHECK_FALSE(prometheus.graph("5m", 100, 1s).has_value());
}

TEST_CASE("questions share one time, and when it is over no more are asked") {
  int asked = 0;
  Prometheus::Clock::time_point clock{};
  const Prometheus prometheus(
      [&](const std::string&, std::chrono::milliseconds timeout) -> Result<HttpAnswer> {
        CHECK(timeout == 50ms - asked++ * 20ms);
        clock += 20ms;
        return HttpAnswer{200, answer(nlohmann::json::array({entry("a", "b", "4")}))};
      },
      [&] { return clock; });
  const auto graph = prometheus.graph("5m", 100, 50ms);
  REQUIRE(graph.has_value());
  CHECK(asked == 3);
  CHECK_THAT(graph->problem, Catch::Contains("no answer in time"));
}

TEST_CASE("ten thousand series become a bounded graph") {
  auto result = nlohmann::json::array();
  for (int i = 0; i < 10'000; ++i) result.push_back(entry("w" + std::to_string(i % 100), "s" + std::to_string(i), "1"));
  const auto body = answer(result);
  const Prometheus prometheus([&](const std::string&, std::chrono::milliseconds) -> Result<HttpAnswer> {
    return HttpAnswer{200, body};
  });
  const auto graph = prometheus.graph("5m", 5'000, 60s);
  REQUIRE(graph.has_value());
  CHECK(graph->graph.edges.size() == 5'000);
  CHECK(graph->graph.leftOut == 15'000);  // requests, and the same again as TCP
}
