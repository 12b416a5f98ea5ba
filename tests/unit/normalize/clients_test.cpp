#include "normalize/clients.h"

#include <random>

#include <catch2/catch.hpp>

#include "api/mesh_config.h"
#include "api/telemetry.h"
#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using normalize::ClientOf;

namespace {

const model::Labels kAll{{"app", "web"}, {"version", "v1"}, {"rack", "r1"}};
const model::Locality kHere{"us", "1", "a"};

model::Client ask(Mesh& mesh, const std::string& ns = "a") { return mesh.ask(ClientOf{ns, kAll, kHere}); }

void rule(Mesh& mesh, const std::string& ns, const std::string& name, auto fill) {
  mesh.add<api::DestinationRule>(ns, name, [&](auto& o) {
    o.spec.host = fqdn("x", "b");
    fill(o.spec);
  });
}

}  // namespace

TEST_CASE("a client is its namespace, as long as no rule looks at more") {
  Mesh mesh;
  mesh.service("b", "x", {{"http", 80, ""}});
  mesh.add<api::VirtualService>("a", "vs", [](auto& o) {
    o.spec.hosts = {"x"};
    o.spec.http.emplace_back().match.emplace_back().sourceNamespace = "a";
  });
  rule(mesh, "b", "plain", [](auto& spec) { spec.trafficPolicy.loadBalancer.emplace(); });
  CHECK(ask(mesh) == model::Client("a"));
}

TEST_CASE("labels count where a match asks for their value, and for nobody else") {
  Mesh mesh;
  mesh.add<api::VirtualService>("a", "vs", [](auto& o) {
    o.spec.hosts = {"x"};
    auto& http = o.spec.http.emplace_back();
    http.match.emplace_back().sourceLabels = {{"app", "web"}};
    http.match.emplace_back().sourceLabels = {{"version", "v2"}};
    http.match.emplace_back().sourceLabels = {{"rack", "r1"}};
    http.match.back().sourceNamespace = "elsewhere";
    o.spec.exportTo = {".", "c"};
  });
  CHECK(ask(mesh).labels == model::Labels{{"app", "web"}});
  CHECK(ask(mesh, "c").labels == model::Labels{{"app", "web"}});
  CHECK(ask(mesh, "b").labels.empty());
  // A delegate counts for all that may include it.
  mesh.add<api::VirtualService>("d", "delegate", [](auto& o) {
    o.spec.http.emplace_back().match.emplace_back().sourceLabels = {{"version", "v1"}};
  });
  CHECK(ask(mesh, "b").labels == model::Labels{{"version", "v1"}});
}

TEST_CASE("a workloadSelector counts in its own namespace, a priority by label and a locality wherever it is seen") {
  Mesh mesh;
  rule(mesh, "a", "selecting", [](auto& spec) { spec.workloadSelector = {{"app", "web"}}; });
  CHECK(ask(mesh).labels == model::Labels{{"app", "web"}});
  CHECK(ask(mesh, "c") == model::Client("c"));
  rule(mesh, "b", "near", [](auto& spec) {
    spec.trafficPolicy.ports[80].loadBalancer.emplace().locality.emplace().failoverPriority = {"rack", "version=v1"};
  });
  CHECK(ask(mesh, "c").labels == model::Labels{{"rack", "r1"}});
  CHECK(ask(mesh, "c").locality == kHere);
  rule(mesh, "b", "near", [](auto& spec) {
    spec.trafficPolicy.outlierDetection.emplace();
    spec.exportTo = {"c"};
  });
  CHECK(ask(mesh, "c").locality == kHere);
  CHECK(ask(mesh, "d").locality == model::Locality{});
}

TEST_CASE("for one host only its own rules count") {
  Mesh mesh;
  rule(mesh, "a", "x", [](auto& spec) {
    spec.workloadSelector = {{"app", "web"}};
    spec.trafficPolicy.loadBalancer.emplace().locality.emplace().failoverPriority = {"rack"};
  });
  auto client = ask(mesh);
  client.sidecar = "a/s";
  const auto host = fqdn("x", "b");
  CHECK(normalize::policyClient(mesh, client, host).labels == model::Labels{{"app", "web"}});
  const auto cluster = normalize::clusterClient(mesh, client, host);
  CHECK(cluster.labels == model::Labels{{"app", "web"}, {"rack", "r1"}});
  CHECK(cluster.locality == kHere);
  CHECK(cluster.sidecar.empty());
  CHECK(normalize::clusterClient(mesh, client, fqdn("y", "b")) == model::Client());
  CHECK(normalize::routeClient(client).sidecar == "a/s");
  CHECK(normalize::routeClient(client).locality == model::Locality{});
}

TEST_CASE("the mesh's own distribution makes localities count everywhere") {
  Mesh mesh;
  mesh.add<api::ConfigMap>("istio-system", "istio", [](auto& o) {
    o.spec.mesh.emplace().locality.emplace().distribute = {{"us/*", {{"us/1/*", 100}}}};
  });
  CHECK(ask(mesh).locality == kHere);
  CHECK(normalize::clusterClient(mesh, ask(mesh), fqdn("y", "b")).locality == kHere);
}

TEST_CASE("the Telemetry of a client is of use to its listeners alone") {
  Mesh mesh;
  mesh.service("b", "x", {{"http", 80, ""}});
  mesh.add<api::Telemetry>("a", "web", [](auto& o) { o.spec.selector = {{"app", "web"}}; });
  mesh.add<api::Telemetry>("a", "other", [](auto& o) { o.spec.selector = {{"app", "other"}}; });
  const auto client = ask(mesh);
  CHECK(client.telemetry == "web");
  CHECK(client.labels.empty());
  CHECK(normalize::listenerClient(client) == client);
  CHECK(normalize::routeClient(client) == model::Client("a"));
  CHECK(normalize::clusterClient(mesh, client, fqdn("x", "b")) == model::Client());
  CHECK(normalize::policyClient(mesh, client, fqdn("x", "b")) == model::Client());
}

TEST_CASE("a namespace to which the rules of a host make no difference is in no question about it") {
  Mesh mesh;
  mesh.service("b", "x", {{"http", 80, ""}});
  const auto host = fqdn("x", "b");
  const auto of = [&](const std::string& ns) { return normalize::policyClient(mesh, model::Client(ns), host).ns; };
  const auto all = [&] { return of("a") + of("b") + of("c") + of("istio-system"); };
  CHECK(all().empty());
  rule(mesh, "b", "shared", [](auto& spec) { spec.trafficPolicy.loadBalancer.emplace(); });
  rule(mesh, "istio-system", "root", [](auto& spec) { spec.exportTo = {"*"}; });
  CHECK(all().empty());

  SECTION("a rule of the client's own") {
    rule(mesh, "a", "own", [](auto&) {});
    CHECK(all() == "a");
  }
  SECTION("a rule that some do not see") {
    rule(mesh, "b", "shared", [](auto& spec) { spec.exportTo = {".", "c"}; });
    CHECK(all() == "bc");
  }
  SECTION("rules that the mesh's settings show to some") {
    mesh.add<api::ConfigMap>("istio-system", "istio",
                             [](auto& o) { o.spec.mesh.emplace().exportTo.destinationRules = {"c"}; });
    CHECK(all() == "bc");
  }
  SECTION("a rule for some workloads") {
    rule(mesh, "b", "shared", [](auto& spec) { spec.workloadSelector = {{"app", "web"}}; });
    CHECK(all() == "b");
  }
  SECTION("a service that some do not see") {
    mesh.service("b", "y", {{"http", 80, ""}});
    mesh.add<api::Service>("b", "y", [](auto& o) { o.meta.annotations = {{"networking.istio.io/exportTo", "a"}}; });
    CHECK(normalize::policyClient(mesh, model::Client("a"), fqdn("y", "b")).ns == "a");
    CHECK(normalize::policyClient(mesh, model::Client("c"), fqdn("y", "b")).ns.empty());
  }
}

TEST_CASE("a client cut down gets the policy that it would get whole") {
  std::mt19937 random(20260702);
  const auto one = [&](std::size_t of) { return random() % of; };
  const std::vector<std::string> namespaces{"a", "b", "c", "d", "istio-system"};
  const std::vector<std::vector<std::string>> exports{{}, {"*"}, {"."}, {"c"}, {".", "d"}, {"~"}, {"a", "*"}};
  const std::vector<std::string> patterns{fqdn("x", "b"), "*.b.svc.cluster.local", "*"};
  std::size_t shared = 0;
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    Mesh mesh;
    mesh.service("b", "x", {{"http", 80, ""}});
    if (one(3) == 0) {
      mesh.add<api::ConfigMap>("istio-system", "istio", [&](auto& o) {
        o.spec.mesh.emplace().exportTo.destinationRules = exports[one(exports.size())];
      });
    }
    for (std::size_t i = one(5); i > 0; --i) {
      mesh.add<api::DestinationRule>(namespaces[one(namespaces.size())], "r" + std::to_string(i), [&](auto& o) {
        o.spec.host = patterns[one(patterns.size())];
        o.spec.exportTo = exports[one(exports.size())];
        o.spec.trafficPolicy.connectionPool.emplace().maxConnections = static_cast<std::uint32_t>(i);
        if (one(4) == 0) o.spec.workloadSelector = {{"app", one(2) == 0 ? "web" : "other"}};
        if (one(5) == 0) o.problems.push_back(errorAt("spec.subsets"));
      });
    }
    for (const auto& ns : namespaces) {
      CAPTURE(ns);
      model::Client whole(ns);
      whole.labels = kAll;
      const auto cut = normalize::policyClient(mesh, whole, fqdn("x", "b"));
      if (cut.ns.empty()) ++shared;
      const auto expected = mesh.ask(normalize::TrafficPolicyOf{whole, fqdn("x", "b"), 80});
      const auto got = mesh.ask(normalize::TrafficPolicyOf{cut, fqdn("x", "b"), 80});
      CHECK(got.policy == expected.policy);
      CHECK(got.provenance == expected.provenance);
      CHECK(normalize::policyClient(mesh, cut, fqdn("x", "b")) == cut);
      const auto cluster = normalize::clusterClient(mesh, whole, fqdn("x", "b"));
      CHECK(normalize::policyClient(mesh, cluster, fqdn("x", "b")) == cut);
    }
  }
  CHECK(shared > 400);
  CHECK(shared < 1600);
}

TEST_CASE("a client's key holds any text") {
  model::Client client("a|b");
  CHECK(normalize::parseClientKey(normalize::clientKey(client)) == client);
  client.labels = {{"k|", "v\\"}, {"l", ""}};
  client.sidecar = "a/b";
  client.locality = {"", "z", ""};
  client.telemetry = "t|";
  CHECK(normalize::parseClientKey(normalize::clientKey(client)) == client);
}
