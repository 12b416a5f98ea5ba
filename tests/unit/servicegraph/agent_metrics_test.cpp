#include "servicegraph/agent_metrics.h"

#include <catch2/catch.hpp>

#include <limits>
#include <set>
#include <sstream>

using namespace fairway::servicegraph;
using std::chrono::seconds;

namespace {

AgentMetrics::Time at(int second) { return AgentMetrics::Time(seconds(1'000'000 + second)); }

constexpr const char* kEnds =
    R"(reporter="source",source_canonical_service="web",source_workload_namespace="shop",)"
    R"(destination_canonical_service="cart",destination_workload_namespace="shop",request_protocol="http")";

std::string page(int good, int bad, int fast) {
  std::ostringstream text;
  text << "istio_requests_total{" << kEnds << ",response_code=\"200\"} " << good << "\n"
       << "istio_requests_total{" << kEnds << ",response_code=\"503\"} " << bad << "\n"
       << "istio_request_duration_milliseconds_bucket{" << kEnds << ",le=\"10\"} " << fast << "\n"
       << "istio_request_duration_milliseconds_bucket{" << kEnds << ",le=\"20\"} " << good + bad << "\n"
       << "istio_request_duration_milliseconds_bucket{" << kEnds << ",le=\"+Inf\"} " << good + bad << "\n"
       << "istio_tcp_sent_bytes_total{" << kEnds << "} 100\nother 5\n";
  return text.str();
}

Graph graphOf(const AgentMetrics& metrics, int now) {
  GraphBuilder builder;
  metrics.addTo(builder, seconds(60), at(now));
  return builder.finish(100);
}

}  // namespace

TEST_CASE("what counters grow by from page to page are rates and latencies") {
  AgentMetrics metrics;
  CHECK(graphOf(metrics, 0).edges.empty());
  metrics.observe("10.0.0.1", page(1000, 50, 900), at(0));
  CHECK(graphOf(metrics, 10).edges.empty());
  metrics.observe("10.0.0.1", page(1080, 70, 950), at(20));
  const auto graph = graphOf(metrics, 20);
  REQUIRE(graph.edges.size() == 1);
  CHECK(graph.edges[0].requests == 5);
  CHECK(graph.edges[0].errors == 1);
  CHECK(graph.edges[0].p50 == 10);
  CHECK(*graph.edges[0].p95 == Approx(19));
  CHECK(graph.edges[0].bytes == 0);
}

TEST_CASE("a counter that began anew counts from nothing, and an agent that is not asked any more is forgotten") {
  AgentMetrics metrics;
  metrics.observe("10.0.0.1", page(1000, 0, 0), at(0));
  metrics.observe("10.0.0.1", page(20, 0, 0), at(10));
  CHECK(graphOf(metrics, 10).edges.at(0).requests == 2);
  metrics.keep(std::set<std::string>{});
  metrics.observe("10.0.0.1", page(5000, 0, 0), at(20));
  CHECK(graphOf(metrics, 20).edges.at(0).requests == 1);
}

TEST_CASE("quantiles of buckets") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_FALSE(quantileOf({}, 0.5).has_value());
  CHECK_FALSE(quantileOf({{1, 0}, {infinity, 0}}, 0.5).has_value());
  CHECK(quantileOf({{10, 100}, {20, 100}, {infinity, 100}}, 0.5) == 5);
  CHECK(quantileOf({{10, 0}, {20, 100}, {infinity, 100}}, 0.5) == 15);
  CHECK(quantileOf({{10, 10}, {20, 20}, {infinity, 100}}, 0.99) == 20);
}
