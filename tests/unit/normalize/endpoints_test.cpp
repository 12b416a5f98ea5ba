#include <catch2/catch.hpp>

#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using Health = model::Endpoint::Health;
using normalize::EndpointsOf;

namespace {

const std::string kHost = fqdn("x", "a");

api::EndpointSliceSpec::Endpoint endpoint(const std::string& address, const std::string& pod = {}) {
  api::EndpointSliceSpec::Endpoint result;
  result.addresses = {address};
  if (!pod.empty()) {
    result.targetKind = "Pod";
    result.targetName = pod;
  }
  return result;
}

void slice(Mesh& mesh, const std::string& name, std::vector<api::EndpointSliceSpec::Endpoint> endpoints,
           const std::string& type = "IPv4", const std::string& portName = "http") {
  mesh.add<api::EndpointSlice>("a", name, [&](auto& o) {
    o.spec.service = "x";
    o.spec.addressType = type;
    o.spec.ports = {{portName, "TCP", "", 8080}};
    o.spec.endpoints = std::move(endpoints);
  });
}

std::vector<std::string> addresses(Mesh& mesh, std::uint32_t port = 80) {
  std::vector<std::string> result;
  for (const auto& e : mesh.ask(EndpointsOf{kHost, port}).endpoints) result.push_back(e.address);
  return result;
}

}  // namespace

TEST_CASE("conditions decide whether an endpoint is healthy, draining or left out") {
  struct Case {
    std::optional<bool> ready, serving, terminating;
    std::optional<Health> expected;
  };
  const auto none = std::nullopt;
  const Case cases[] = {
      {none, none, none, Health::healthy}, {true, none, none, Health::healthy}, {true, true, true, Health::healthy},
      {false, none, none, none},           {false, true, none, none},           {false, true, true, Health::draining},
      {false, false, true, none},          {false, none, true, none},
  };
  for (const auto& c : cases) {
    Mesh mesh;
    mesh.service("a", "x", {{"http", 80, "8080"}});
    auto e = endpoint("10.0.0.1");
    e.ready = c.ready;
    e.serving = c.serving;
    e.terminating = c.terminating;
    slice(mesh, "s", {e});
    const auto& found = mesh.ask(EndpointsOf{kHost, 80}).endpoints;
    REQUIRE(found.size() == (c.expected ? 1 : 0));
    if (c.expected) CHECK(found[0].health == *c.expected);
  }
}

TEST_CASE("publishNotReadyAddresses keeps endpoints that are not ready") {
  Mesh mesh;
  mesh.add<api::Service>("a", "x", [](auto& o) {
    o.spec.publishNotReadyAddresses = true;
    o.spec.clusterIPs = {"10.96.0.1"};
    o.spec.ports = {{"http", "TCP", "", 80, ""}};
  });
  auto e = endpoint("10.0.0.1");
  e.ready = false;
  slice(mesh, "s", {e});
  REQUIRE(mesh.ask(EndpointsOf{kHost, 80}).endpoints.size() == 1);
  CHECK(mesh.ask(EndpointsOf{kHost, 80}).endpoints[0].health == Health::healthy);
}

TEST_CASE("endpoints of all slices and address types, sorted, each address once") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}});
  auto draining = endpoint("10.0.0.2");
  draining.ready = false;
  draining.serving = true;
  draining.terminating = true;
  slice(mesh, "s1", {draining, endpoint("10.0.0.1")});
  slice(mesh, "s2", {endpoint("10.0.0.2"), endpoint("10.0.0.1")});
  slice(mesh, "s3", {endpoint("fd00::1")}, "IPv6");
  slice(mesh, "s4", {endpoint("x.example.com")}, "FQDN");
  CHECK(addresses(mesh) == std::vector<std::string>{"10.0.0.1", "10.0.0.2", "fd00::1"});
  // It moved from one slice to the other: the healthy one counts.
  CHECK(mesh.ask(EndpointsOf{kHost, 80}).endpoints[1].health == Health::healthy);
}

TEST_CASE("a slice's port is found by the service port's name, not by number") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "web"}, {"http-admin", 81, "9000"}});
  slice(mesh, "s", {endpoint("10.0.0.1")});
  CHECK(addresses(mesh, 80).size() == 1);
  CHECK(mesh.ask(EndpointsOf{kHost, 80}).endpoints[0].port == 8080);
  CHECK(addresses(mesh, 81).empty());
  CHECK(addresses(mesh, 82).empty());
}

TEST_CASE("pods add identity, labels, locality and mesh TLS") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}});
  const api::Labels labels{{"app", "x"}, {"security.istio.io/tlsMode", "istio"}};
  mesh.pod("a", "p1", labels, "sa1");
  mesh.pod("a", "p2", {{"app", "x"}}, "sa2");
  slice(mesh, "s", {endpoint("10.0.0.1", "p1"), endpoint("10.0.0.2", "p2"), endpoint("10.0.0.3")});
  const auto found = mesh.ask(EndpointsOf{kHost, 80}).endpoints;
  REQUIRE(found.size() == 3);
  CHECK(found[0].serviceAccount == "sa1");
  CHECK(found[0].workloadNs == "a");
  CHECK(found[0].workloadName == "p1");
  CHECK(found[0].labels == labels);
  CHECK(found[0].meshTls);
  CHECK_FALSE(found[1].meshTls);
  CHECK(found[2].serviceAccount.empty());
  CHECK(mesh.ask(normalize::IdentitiesOf{kHost}) ==
        std::vector<std::string>{"spiffe://cluster.local/ns/a/sa/sa1", "spiffe://cluster.local/ns/a/sa/sa2"});

  SECTION("a policy that disables mTLS on the port takes mesh TLS away") {
    mesh.add<api::PeerAuthentication>("a", "off", [](auto& o) {
      o.spec.selector = {{"app", "x"}};
      o.spec.ports = {{8080, api::PeerAuthenticationSpec::Mode::disable}};
    });
    CHECK_FALSE(mesh.ask(EndpointsOf{kHost, 80}).endpoints[0].meshTls);
  }
  SECTION("an old Policy without mtls peer does, too") {
    mesh.add<api::Policy>("a", "default", [](auto&) {});
    CHECK_FALSE(mesh.ask(EndpointsOf{kHost, 80}).endpoints[0].meshTls);
  }
}

TEST_CASE("an endpoint whose pod is not there is left out, and says so") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}});
  slice(mesh, "s", {endpoint("10.0.0.1", "gone")});
  CHECK(addresses(mesh).empty());
  CHECK(mesh.noted("EndpointSlice/a/s", "pod a/gone does not exist", Severity::warning));
  mesh.pod("a", "gone", {{"app", "x"}});
  CHECK(addresses(mesh).size() == 1);
}

TEST_CASE("a slice cannot lend the identity of a pod of another namespace") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}});
  mesh.pod("b", "p", {{"app", "x"}}, "admin");
  auto e = endpoint("10.0.0.1", "p");
  e.targetNamespace = "b";
  slice(mesh, "s", {e});
  REQUIRE(addresses(mesh).size() == 1);
  CHECK(mesh.ask(EndpointsOf{kHost, 80}).endpoints[0].serviceAccount.empty());
  CHECK(mesh.ask(normalize::IdentitiesOf{kHost}).empty());
}

TEST_CASE("locality comes from the node, else from the slice") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}});
  mesh.add<api::Node>("", "n", [](auto& o) { o.meta.labels = {{"topology.kubernetes.io/zone", "z1"}}; });
  auto onNode = endpoint("10.0.0.1");
  onNode.nodeName = "n";
  onNode.zone = "slice";
  auto elsewhere = endpoint("10.0.0.2");
  elsewhere.zone = "slice";
  slice(mesh, "s", {onNode, elsewhere});
  const auto& found = mesh.ask(EndpointsOf{kHost, 80}).endpoints;
  CHECK(found[0].locality.zone == "z1");
  CHECK(found[1].locality.zone == "slice");
}

TEST_CASE("external and unknown hosts have no endpoints") {
  Mesh mesh;
  mesh.add<api::Service>("a", "x", [](auto& o) {
    o.spec.type = "ExternalName";
    o.spec.ports = {{"http", "TCP", "", 80, ""}};
  });
  slice(mesh, "s", {endpoint("10.0.0.1")});
  CHECK(addresses(mesh).empty());
  CHECK(mesh.ask(EndpointsOf{"unknown.example.com", 80}).endpoints.empty());
  CHECK(mesh.ask(normalize::IdentitiesOf{"unknown.example.com"}).empty());
}
