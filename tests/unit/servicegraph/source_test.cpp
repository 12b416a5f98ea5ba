#include "servicegraph/source.h"

#include <catch2/catch.hpp>

#include <atomic>

#include <nlohmann/json.hpp>

using namespace fairway;
using namespace fairway::servicegraph;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

// What a Prometheus answers: its samples to the first question, nothing to the others; or an error.
struct FakePrometheus {
  std::string problem;
  json samples = json::array();
  std::atomic<int> asked{0};

  std::unique_ptr<Prometheus> make() {
    return std::make_unique<Prometheus>([this](const std::string& target,
                                               std::chrono::milliseconds) -> Result<HttpAnswer> {
      ++asked;
      if (!problem.empty()) return failure(problem);
      const bool first =
          target.find("istio_requests_total") != std::string::npos && target.find("response_code") == std::string::npos;
      const json answer{{"status", "success"},
                        {"data", {{"resultType", "vector"}, {"result", first ? samples : json::array()}}}};
      return HttpAnswer{200, answer.dump()};
    });
  }
  void call(const std::string& from, const std::string& to) {
    samples.push_back({{"metric",
                        {{"reporter", "source"},
                         {"source_workload", from},
                         {"source_app", from},
                         {"destination_workload", to},
                         {"destination_app", to}}},
                       {"value", {1, "2.5"}}});
  }
};

struct FakePlane {
  std::string problem;
  LoadPage page;

  std::unique_ptr<ControlPlanes> make() {
    ControlPlanes::Options options;
    options.replicas = [this]() -> Result<std::vector<ControlPlanes::Replica>> {
      if (!problem.empty()) return failure(problem);
      return std::vector<ControlPlanes::Replica>{
          {"a:1", [this](const std::string&, std::chrono::milliseconds) -> Result<HttpAnswer> {
             return HttpAnswer{200, loadPageJson(page)};
           }}};
    };
    return std::make_unique<ControlPlanes>(std::move(options));
  }
  void call(const std::string& from, const std::string& to, double requests) {
    page.edges.push_back(
        {{"shop", from, Node::Kind::workload}, {"shop", to, Node::Kind::workload}, requests, 0, 0, false, {}});
  }
  void connect(const std::string& from, const std::string& to, double connections) {
    page.edges.push_back(
        {{"shop", from, Node::Kind::workload}, {"shop", to, Node::Kind::workload}, 0, 0, connections, true, {}});
  }
};

Source::Options fresh() {
  Source::Options options;
  options.freshness = 0ms;
  return options;
}

const Window& fiveMinutes() { return *windowNamed("5m"); }

}  // namespace

TEST_CASE("Prometheus is asked first, and load reports where it has nothing or is away") {
  FakePrometheus prometheus;
  FakePlane plane;
  plane.page.seconds = 20;
  plane.call("web", "cart", 1);
  Source source(fresh(), prometheus.make(), plane.make());
  auto picture = source.picture(fiveMinutes());
  CHECK(picture.from == "load-reports");
  CHECK(picture.seconds == 20);
  REQUIRE(picture.problems.size() == 1);
  CHECK_THAT(picture.problems[0], Catch::Contains("no traffic of the mesh"));
  prometheus.problem = "connection refused";
  picture = source.picture(fiveMinutes());
  CHECK(picture.from == "load-reports");
  CHECK_THAT(picture.problems.at(0), Catch::Contains("connection refused"));
  prometheus.problem.clear();
  prometheus.call("a", "b");
  picture = source.picture(fiveMinutes());
  CHECK(picture.from == "prometheus");
  CHECK(picture.problems.empty());
  CHECK(picture.graph.nodes.at(0).name == "a");
}

TEST_CASE("the last picture stays while there is none, and says so") {
  FakePrometheus prometheus;
  prometheus.call("a", "b");
  Source source(fresh(), prometheus.make(), nullptr);
  const auto first = source.picture(fiveMinutes());
  CHECK_FALSE(first.stale);
  prometheus.problem = "no answer in time";
  const auto second = source.picture(fiveMinutes());
  CHECK(second.stale);
  CHECK(second.from == "prometheus");
  CHECK(second.at == first.at);
  CHECK(second.graph.edges.size() == 1);
  CHECK_THAT(second.problems.at(0), Catch::Contains("no answer in time"));
  // Another time range has no picture to keep.
  const auto other = source.picture(*windowNamed("1h"));
  CHECK(other.from.empty());
  CHECK(other.graph.edges.empty());
  prometheus.problem.clear();
  CHECK_FALSE(source.picture(fiveMinutes()).stale);
}

TEST_CASE("many callers are answered by one question") {
  FakePrometheus prometheus;
  prometheus.call("a", "b");
  Source::Options options;
  options.freshness = 1h;
  Source source(options, prometheus.make(), nullptr);
  source.picture(fiveMinutes());
  const int asked = prometheus.asked;
  source.picture(fiveMinutes());
  CHECK(prometheus.asked == asked);
}

TEST_CASE("a Prometheus with other data is an empty picture with a hint") {
  FakePrometheus prometheus;
  Source source(fresh(), prometheus.make(), nullptr);
  const auto picture = source.picture(fiveMinutes());
  CHECK(picture.from == "prometheus");
  CHECK(picture.graph.edges.empty());
  CHECK_FALSE(picture.stale);
  CHECK_THAT(picture.problems.at(0), Catch::Contains("istio_requests_total"));
}

TEST_CASE("the old paths come from load reports, too, with their parameters") {
  FakePlane plane;
  plane.page.seconds = 20;
  plane.call("web", "cart", 2);
  plane.call("web", "idle", 0);
  plane.call("cart", "db", 1);
  plane.connect("cart", "queue", 1);
  plane.connect("cart", "unused", 0);
  Source source(fresh(), nullptr, plane.make());
  struct Row {
    std::map<std::string, std::string> parameters;
    std::size_t edges;
  };
  const std::vector<Row> rows{{{}, 5},
                              {{{"filter_empty", "true"}}, 3},
                              {{{"source_workload", "web"}}, 2},
                              {{{"destination_workload", "db"}, {"source_namespace", "shop"}}, 1},
                              {{{"destination_namespace", "other"}}, 0}};
  for (const auto& row : rows) {
    const auto graph = source.classic(*classicOptions(row.parameters));
    REQUIRE(graph.has_value());
    CHECK(graph->edges.size() == row.edges);
  }
  const auto graph = source.classic({});
  CHECK(graph->edges[0].source == "cart (cart)");
  CHECK(graph->edges[0].label == "reqs/sec");
  CHECK(graph->edges[1].target == "queue (queue)");
  CHECK(graph->edges[1].label == "bytes/sec");
  plane.problem = "there is none";
  CHECK_FALSE(source.classic({}).has_value());
}

TEST_CASE("a picture as JSON leaves out what is not known") {
  Picture picture;
  picture.window = "5m";
  picture.from = "prometheus";
  picture.graph.nodes = {{"shop", "web", Node::Kind::workload}, {"", "<x>\xff", Node::Kind::external}};
  Edge edge;
  edge.target = 1;
  edge.requests = 1.23456789;
  edge.p95 = 7;
  picture.graph.edges = {edge};
  const auto value = json::parse(pictureJson(picture));
  CHECK(
      value["edges"][0] ==
      json(
          {{"source", 0}, {"target", 1}, {"protocol", "http"}, {"requests", 1.234568}, {"errors", 0.0}, {"p95", 7.0}}));
  CHECK(value["nodes"][0] == json({{"namespace", "shop"}, {"name", "web"}, {"kind", "workload"}}));
  CHECK(value["stale"] == false);
}
