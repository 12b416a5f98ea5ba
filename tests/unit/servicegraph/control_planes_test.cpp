#include "servicegraph/control_planes.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

using namespace fairway;
using namespace fairway::servicegraph;
using namespace std::chrono_literals;

namespace {

LoadPage page(double requests) {
  LoadPage page;
  page.seconds = 30;
  page.edges.push_back(
      {{"shop", "web", Node::Kind::workload}, {"shop", "cart", Node::Kind::workload}, requests, 0, 0, false, 1.0});
  page.proxies.push_back({{"shop", "web", Node::Kind::workload}, "10.0.0.7"});
  return page;
}

HttpGet answering(unsigned status, std::string body) {
  return [=](const std::string&, std::chrono::milliseconds) -> Result<HttpAnswer> { return HttpAnswer{status, body}; };
}

}  // namespace

TEST_CASE("the replicas' pages are added up, and one that does not answer is told") {
  ControlPlanes::Options options;
  options.replicas = [] {
    return std::vector<ControlPlanes::Replica>{{"10.0.0.1:15014", answering(200, loadPageJson(page(2)))},
                                               {"10.0.0.2:15014", answering(503, "not ready")},
                                               {"10.0.0.3:15014", answering(200, loadPageJson(page(3)))}};
  };
  ControlPlanes planes(std::move(options));
  const auto answer = planes.graph(60s, 100);
  REQUIRE(answer.has_value());
  REQUIRE(answer->graph.edges.size() == 1);
  CHECK(answer->graph.edges[0].requests == 5);
  CHECK(answer->proxies == 2);
  CHECK(answer->seconds == 30);
  CHECK(answer->problem == "control plane 10.0.0.2:15014: status 503");
}

TEST_CASE("without any answer there is a reason") {
  ControlPlanes::Options options;
  options.replicas = [] {
    return std::vector<ControlPlanes::Replica>{{"a:1", answering(200, "<html>")}, {"b:1", answering(404, "")}};
  };
  ControlPlanes planes(std::move(options));
  const auto answer = planes.graph(60s, 100);
  REQUIRE_FALSE(answer.has_value());
  CHECK_THAT(answer.error().message, Catch::StartsWith("control plane a:1: the answer is no page of edges"));
}

TEST_CASE("agents that the pages name are asked for their metrics while somebody watches") {
  std::promise<std::string> asked;
  std::atomic<int> times{0};
  ControlPlanes::Options options;
  options.interval = 10ms;
  options.replicas = [] { return std::vector<ControlPlanes::Replica>{{"a:1", answering(200, loadPageJson(page(2)))}}; };
  std::promise<void> third;
  options.agentMetrics = [&](const std::string& address, std::chrono::milliseconds) -> Result<std::string> {
    const int time = ++times;
    if (time == 1) asked.set_value(address);
    if (time == 3) third.set_value();
    return "istio_requests_total{reporter=\"source\",source_canonical_service=\"web\",source_workload_namespace="
           "\"shop\","
           "destination_canonical_service=\"cart\",destination_workload_namespace=\"shop\",request_protocol=\"grpc\"}"
           " " +
           std::to_string(time * 1'000'000);
  };
  ControlPlanes planes(std::move(options));
  auto address = asked.get_future();
  planes.watch(true);
  CHECK(address.get() == "10.0.0.7");
  third.get_future().wait();
  const auto answer = planes.graph(60s, 100);
  REQUIRE(answer.has_value());
  REQUIRE(answer->graph.edges.size() == 1);
  // More than the load reports, of the protocol that only the metrics tell.
  CHECK(answer->graph.edges[0].protocol == Protocol::grpc);
  CHECK(answer->graph.edges[0].requests > 1000);
  CHECK(answer->graph.edges[0].mtls == 1.0);
}
