#include "servicegraph/builder.h"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace fairway::servicegraph;

namespace {

Sample sample(const std::string& reporter, const std::string& from, const std::string& to, double value,
              Labels more = {}) {
  Labels labels{{"reporter", reporter},
                {"source_canonical_service", from},
                {"source_workload_namespace", "shop"},
                {"destination_canonical_service", to},
                {"destination_workload_namespace", "shop"},
                {"request_protocol", "http"}};
  for (auto& [name, text] : more) labels.insert_or_assign(name, text);
  return {labels, value};
}

LoadEdge loadEdge(const std::string& from, const std::string& to, double requests) {
  return {{"shop", from, Node::Kind::workload}, {"shop", to, Node::Kind::workload}, requests, 0, 0, false, {}};
}

}  // namespace

TEST_CASE("both ends report a call, and it counts once, as the end has it that saw more") {
  GraphBuilder builder;
  builder.requests(sample("source", "web", "cart", 5, {{"connection_security_policy", "unknown"}}));
  builder.requests(sample("destination", "web", "cart", 3, {{"connection_security_policy", "mutual_tls"}}));
  builder.requests(sample("destination", "web", "cart", 1, {{"connection_security_policy", "none"}}));
  builder.errors(sample("source", "web", "cart", 2));
  builder.errors(sample("destination", "web", "cart", 1));
  builder.latency(sample("destination", "web", "cart", 12), 1);
  builder.latency(sample("destination", "web", "cart", 40, {{"destination_workload", "cart-v2"}}), 1);
  const auto graph = builder.finish(10);
  REQUIRE(graph.edges.size() == 1);
  const auto& edge = graph.edges[0];
  CHECK(edge.requests == 5);
  CHECK(edge.errors == 2);
  CHECK(edge.mtls == 0.75);
  CHECK(edge.p95 == 40);
  CHECK_FALSE(edge.p50.has_value());
  CHECK(graph.nodes[edge.source].name == "web");
  CHECK(graph.nodes[edge.target].name == "cart");
}

TEST_CASE("who is at an end of a call, by what its labels say") {
  struct Row {
    Labels labels;
    Node source, target;
  };
  const std::vector<Row> rows{
      {{{"source_workload", "web-v1"}, {"source_workload_namespace", "a"}, {"destination_workload", "db-v1"}},
       {"a", "web-v1", Node::Kind::workload},
       {"", "db-v1", Node::Kind::workload}},
      {{{"source_workload", "unknown"},
        {"destination_workload", "unknown"},
        {"destination_service_name", "api.example.com"}},
       {"", "unknown", Node::Kind::unknown},
       {"", "api.example.com", Node::Kind::external}},
      {{{"source_canonical_service", "web"}, {"source_workload", "web-v1"}, {"destination_service_name", "unknown"}},
       {"", "web", Node::Kind::workload},
       {"", "unknown", Node::Kind::unknown}},
      {{}, {"", "unknown", Node::Kind::unknown}, {"", "unknown", Node::Kind::unknown}},
  };
  for (const auto& row : rows) {
    const Sample each{row.labels, 1};
    CHECK((sourceOf(each) == row.source));
    CHECK((targetOf(each) == row.target));
  }
  CHECK(sourceOf({{{"source_workload", std::string(100'000, 'x')}}, 1}).name.size() == 253);
}

TEST_CASE("values that are no rates add nothing") {
  GraphBuilder builder;
  for (const double value : {std::nan(""), std::numeric_limits<double>::infinity(), -3.0}) {
    builder.requests(sample("source", "a", "b", value));
    builder.errors(sample("source", "a", "b", value));
    builder.latency(sample("source", "a", "b", std::nan("")), 0);
  }
  const auto graph = builder.finish(10);
  REQUIRE(graph.edges.size() == 1);
  CHECK(graph.edges[0].requests == 0);
  CHECK(graph.edges[0].errors == 0);
  CHECK_FALSE(graph.edges[0].p50.has_value());
}

TEST_CASE("load reports complete what metrics tell, and stand for it where there are none") {
  GraphBuilder builder;
  builder.requests(sample("source", "web", "cart", 5, {{"request_protocol", "grpc"}}));
  auto known = loadEdge("web", "cart", 4);
  known.mtls = 1.0;
  builder.load(known);
  auto alone = loadEdge("web", "db", 2);
  alone.errors = 1;
  alone.mtls = 1.0;
  builder.load(alone);
  alone.requests = 6;
  alone.mtls = 0.0;
  builder.load(alone);  // another replica's proxies
  auto tcp = loadEdge("web", "mail", 0);
  tcp.tcp = true;
  tcp.connections = 0.5;
  builder.load(tcp);
  const auto graph = builder.finish(10);
  REQUIRE(graph.edges.size() == 3);
  CHECK(graph.edges[0].protocol == Protocol::grpc);
  CHECK(graph.edges[0].requests == 5);
  CHECK(graph.edges[0].mtls == 1.0);
  CHECK(graph.edges[1].requests == 8);
  CHECK(graph.edges[1].errors == 2);
  CHECK(graph.edges[1].mtls == 0.25);
  CHECK(graph.edges[2].protocol == Protocol::tcp);
  CHECK(graph.edges[2].connections == 0.5);
}

TEST_CASE("of too many edges those with the most traffic stay, in order") {
  GraphBuilder builder;
  for (int i = 0; i < 100; ++i) builder.load(loadEdge("web", "s" + std::to_string(100 + i), i));
  const auto graph = builder.finish(3);
  REQUIRE(graph.edges.size() == 3);
  CHECK(graph.leftOut == 97);
  CHECK(graph.edges[0].requests == 97);
  CHECK(graph.edges[2].requests == 99);
  CHECK(graph.nodes.size() == 4);
}
