#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::endpoint::v3::ClusterLoadAssignment;
namespace core = envoy::config::core::v3;

namespace {

const std::string kHost = hostOf("default", "reviews");
const std::string kCluster = "outbound|80||" + kHost;

World world() {
  World result;
  result.addService("default", "reviews", {port("http", 80, model::Protocol::http)});
  return result;
}

ClusterLoadAssignment assignment(const World& w, const std::string& name = kCluster) {
  return resourcesOf(w, sidecar()).get<ClusterLoadAssignment>(Type::endpoint, name);
}

core::HealthStatus healthOf(const ClusterLoadAssignment& all, const std::string& address) {
  for (const auto& locality : all.endpoints()) {
    for (const auto& endpoint : locality.lb_endpoints()) {
      if (endpoint.endpoint().address().socket_address().address() == address) return endpoint.health_status();
    }
  }
  FAIL("no endpoint " << address);
  return core::UNKNOWN;
}

}  // namespace

TEST_CASE("a cluster without endpoints has an assignment, an empty one") {
  const auto all = assignment(world());
  CHECK(all.cluster_name() == kCluster);
  CHECK(all.endpoints_size() == 0);
}

TEST_CASE("localities are in order, each with its share of the weight") {
  auto w = world();
  w.addEndpoint(kHost, 80, "10.244.0.1", 8080).locality = {"r", "b", ""};
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080).locality = {"r", "a", ""};
  w.addEndpoint(kHost, 80, "10.244.0.3", 8080).locality = {"r", "b", ""};
  const auto all = assignment(w);
  REQUIRE(all.endpoints_size() == 2);
  CHECK(all.endpoints(0).locality().zone() == "a");
  CHECK(all.endpoints(0).load_balancing_weight().value() == 1);
  CHECK(all.endpoints(1).load_balancing_weight().value() == 2);
  CHECK(all.endpoints(1).lb_endpoints(0).endpoint().address().socket_address().port_value() == 8080);
}

TEST_CASE("endpoints that end get no new work while there is another") {
  auto w = world();
  w.addEndpoint(kHost, 80, "10.244.0.1", 8080).health = model::Endpoint::Health::draining;
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080).health = model::Endpoint::Health::unhealthy;
  CHECK(healthOf(assignment(w), "10.244.0.1") == core::HEALTHY);
  CHECK(healthOf(assignment(w), "10.244.0.2") == core::UNHEALTHY);
  w.addEndpoint(kHost, 80, "10.244.0.3", 8080);
  CHECK(healthOf(assignment(w), "10.244.0.1") == core::DRAINING);
  CHECK(healthOf(assignment(w), "10.244.0.3") == core::HEALTHY);
}

TEST_CASE("metadata says which endpoints take the mesh's mTLS") {
  auto w = world();
  w.addEndpoint(kHost, 80, "10.244.0.1", 8080);
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080).meshTls = false;
  const auto all = assignment(w);
  REQUIRE(all.endpoints_size() == 1);
  const auto modeOf = [&](int i) {
    const auto& metadata = all.endpoints(0).lb_endpoints(i).metadata().filter_metadata();
    const auto found = metadata.find("envoy.transport_socket_match");
    return found == metadata.end() ? std::string() : found->second.fields().at("tlsMode").string_value();
  };
  CHECK(modeOf(0) == "istio");
  CHECK(modeOf(1).empty());
}

TEST_CASE("a subset has the endpoints with its labels") {
  auto w = world();
  w.addEndpoint(kHost, 80, "10.244.0.1", 8080).labels = {{"version", "v1"}};
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080).labels = {{"version", "v2"}};
  w.policies[{kHost, 80}].subsets = {{"v2", {{"version", "v2"}}, {}}, {"v3", {{"version", "v3"}}, {}}};
  CHECK(assignment(w, "outbound|80|v2|" + kHost).endpoints(0).lb_endpoints_size() == 1);
  CHECK(healthOf(assignment(w, "outbound|80|v2|" + kHost), "10.244.0.2") == core::HEALTHY);
  CHECK(assignment(w, "outbound|80|v3|" + kHost).endpoints_size() == 0);
  CHECK(assignment(w).endpoints(0).lb_endpoints_size() == 2);
}

TEST_CASE("an endpoint whose address is no IP is left out, the others stay") {
  auto w = world();
  w.addEndpoint(kHost, 80, "pod.example.com", 8080);
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080);
  CHECK(assignment(w).endpoints(0).lb_endpoints_size() == 1);
  CHECK(envoyRefuses(resourcesOf(w, sidecar())) == "");
}
