#include "normalize/sidecars.h"

#include <functional>

#include <catch2/catch.hpp>

#include "api/service_entry.h"
#include "api/sidecar.h"
#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using namespace fairway::normalize;

namespace {

using Lines = std::vector<std::string>;
using Outbound = model::MeshSettings::Outbound;

template <class Fill>
void add(Mesh& mesh, const std::string& ns, const std::string& name, Fill fill) {
  mesh.add<api::Sidecar>(ns, name, [&](auto& o) { fill(o); });
}
void importing(Mesh& mesh, const std::string& ns, const std::string& name, Lines hosts) {
  add(mesh, ns, name, [&](auto& o) { o.spec.egress.emplace_back().hosts = std::move(hosts); });
}

std::string chosen(Mesh& mesh, const std::string& ns, const model::Labels& labels = {}) {
  return mesh.ask(SidecarFor{ns, labels});
}

Mesh withServices() {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, ""}});
  mesh.service("b", "y", {{"http", 80, ""}});
  mesh.service("b", "z", {{"http", 80, ""}});
  mesh.add<api::ServiceEntry>("b", "ext", [](auto& o) {
    o.spec.hosts = {"api.example.com"};
    o.spec.ports = {{"http", "HTTP", 80, 0}};
  });
  return mesh;
}

Lines imported(Mesh& mesh, const std::string& ns = "a") { return mesh.ask(EgressHosts{ns, "a/s", 0}); }
Lines reached(Mesh& mesh) { return mesh.ask(ReachedHosts{"a", "a/s"}); }

}  // namespace

TEST_CASE("a workload's Sidecar: by labels, then its namespace's, then the mesh's") {
  Mesh mesh;
  CHECK(chosen(mesh, "a").empty());
  importing(mesh, "istio-system", "mesh", {"./*"});
  CHECK(chosen(mesh, "a") == "istio-system/mesh");
  importing(mesh, "a", "all", {"./*"});
  CHECK(chosen(mesh, "a") == "a/all");
  CHECK(chosen(mesh, "b") == "istio-system/mesh");
  add(mesh, "a", "some", [](auto& o) { o.spec.workloadSelector = {{"app", "x"}}; });
  CHECK(chosen(mesh, "a", {{"app", "x"}, {"v", "1"}}) == "a/some");
  CHECK(chosen(mesh, "a", {{"app", "y"}}) == "a/all");
  // One of the root namespace with a selector is for that namespace alone.
  add(mesh, "istio-system", "own", [](auto& o) { o.spec.workloadSelector = {{"app", "y"}}; });
  CHECK(chosen(mesh, "b", {{"app", "y"}}) == "istio-system/mesh");
}

TEST_CASE("of two Sidecars for a workload the older counts, and the other's author is told") {
  Mesh mesh;
  const auto made = [&](const std::string& name, const std::string& created) {
    add(mesh, "a", name, [&](auto& o) { o.meta.creationTimestamp = created; });
  };
  made("first", "2021-01-01T00:00:00Z");
  made("second", "2020-01-01T00:00:00Z");
  CHECK(chosen(mesh, "a") == "a/second");
  CHECK(mesh.noted("Sidecar/a/first", "the older Sidecar/a/second", Severity::warning));
}

TEST_CASE("a Sidecar whose selector cannot be read is for nobody") {
  Mesh mesh;
  add(mesh, "a", "s", [](auto& o) { o.problems = {errorAt("spec.workloadSelector.labels")}; });
  CHECK(chosen(mesh, "a").empty());
  CHECK(mesh.noted("Sidecar/a/s", "for no workload"));
}

TEST_CASE("imports: namespaces and names, here, anywhere, and taken out again") {
  auto mesh = withServices();
  const auto hosts = [&](Lines list) {
    importing(mesh, "a", "s", std::move(list));
    return imported(mesh);
  };
  const auto x = fqdn("x", "a"), y = fqdn("y", "b"), z = fqdn("z", "b");
  CHECK(hosts({"./*"}) == Lines{x});
  CHECK(hosts({"b/*"}) == Lines{"api.example.com", y, z});
  CHECK(hosts({"*/*.b.svc.cluster.local"}) == Lines{y, z});
  CHECK(hosts({"*/*", "~b/" + y}) == Lines{"api.example.com", x, z});
  CHECK(hosts({"*/*", "~b/*"}) == Lines{x});
  CHECK(hosts({"~/*"}).empty());
  CHECK(hosts({"b/nowhere.example.com", "./*"}) == Lines{x});
  CHECK(mesh.noted("Sidecar/a/s", "there is no host nowhere.example.com", Severity::warning));
  // "." is where the workload is, also in the mesh's Sidecar.
  importing(mesh, "istio-system", "mesh", {"./*"});
  CHECK(mesh.ask(EgressHosts{"b", "istio-system/mesh", 0}) == Lines{"api.example.com", y, z});
}

TEST_CASE("what is not exported to the workload's namespace cannot be imported") {
  auto mesh = withServices();
  mesh.add<api::ServiceEntry>("b", "ext", [](auto& o) {
    o.spec.hosts = {"api.example.com"};
    o.spec.ports = {{"http", "HTTP", 80, 0}};
    o.spec.exportTo = {"."};
  });
  importing(mesh, "a", "s", {"b/*"});
  CHECK(imported(mesh) == Lines{fqdn("y", "b"), fqdn("z", "b")});
}

TEST_CASE("VirtualServices are imported by their hosts, and bring their destinations along") {
  auto mesh = withServices();
  mesh.add<api::VirtualService>("a", "vs", [](auto& o) {
    o.spec.hosts = {"x", "virtual.example.com"};
    o.spec.http.emplace_back().route.push_back({{fqdn("y", "b"), "", 80}, 0, {}});
    o.spec.http.emplace_back().delegate = api::HttpRoute::Delegate{"d", "b"};
  });
  mesh.add<api::VirtualService>("b", "d", [](auto& o) {
    o.spec.http.emplace_back().route.push_back({{"z", "", 80}, 0, {}});
  });
  importing(mesh, "a", "s", {"./*"});
  CHECK(imported(mesh) == Lines{"virtual.example.com", fqdn("x", "a")});
  CHECK(reached(mesh) == Lines{fqdn("x", "a"), fqdn("y", "b"), fqdn("z", "b")});
  model::Client client("a");
  client.sidecar = "a/s";
  CHECK(mesh.ask(RoutesOf{client, fqdn("x", "a"), 80}).defined);
  // Of a namespace that is not imported they do not apply.
  importing(mesh, "a", "s", {"b/*"});
  CHECK_FALSE(mesh.ask(RoutesOf{client, fqdn("x", "a"), 80}).defined);
}

TEST_CASE("without egress it is that of the namespace's Sidecar, of the mesh's, or all") {
  auto mesh = withServices();
  add(mesh, "a", "s", [](auto& o) { o.spec.workloadSelector = {{"app", "x"}}; });
  CHECK(imported(mesh).size() == 4);
  importing(mesh, "istio-system", "mesh", {"b/*"});
  CHECK(imported(mesh).size() == 3);
  importing(mesh, "a", "all", {"./*"});
  CHECK(imported(mesh) == Lines{fqdn("x", "a")});
}

TEST_CASE("listeners with errors import nothing, and never everything") {
  auto mesh = withServices();
  add(mesh, "a", "s", [](auto& o) {
    o.spec.egress.resize(2);
    o.spec.egress[0].hosts = {"*/*"};
    o.spec.egress[1].hosts = {"./*"};
    o.problems = {errorAt("spec.egress[0].port")};
  });
  CHECK(imported(mesh) == Lines{fqdn("x", "a")});
  CHECK(mesh.noted("Sidecar/a/s", "none of its hosts"));
  add(mesh, "a", "s", [](auto& o) { o.problems = {errorAt("spec.egress")}; });
  CHECK(imported(mesh).empty());
  CHECK(mesh.ask(SidecarOf{"a", "a/s"})->egress.size() == 1);
}

TEST_CASE("which listener decides about a port") {
  auto mesh = withServices();
  add(mesh, "a", "s", [](auto& o) {
    o.spec.egress.resize(3);
    o.spec.egress[0].hosts = {"./*"};
    o.spec.egress[1].hosts = {"b/*"};
    o.spec.egress[1].port = {80, "HTTP", "http"};
    o.spec.egress[2].hosts = {"b/*"};
    o.spec.egress[2].port = {81, "HTTP", "http"};
    o.spec.egress[2].bind = "127.0.0.1";
  });
  const auto sidecar = mesh.ask(SidecarOf{"a", "a/s"});
  REQUIRE(sidecar);
  CHECK(listenerFor(*sidecar, 80) == 1U);
  CHECK(listenerFor(*sidecar, 81) == 0U);  // one with a socket of its own takes nothing from interception
  CHECK(listenerFor(*sidecar, 82) == 0U);
  CHECK(sidecar->egress[2].bound());
  CHECK_FALSE(sidecar->egress[1].bound());
}

TEST_CASE("outbound policy, its proxy, and what a missing one means") {
  auto mesh = withServices();
  const auto policy = [&](auto fill, api::Problems problems = {}) {
    add(mesh, "a", "s", [&](auto& o) {
      o.problems = problems;
      fill(o.spec.outboundTrafficPolicy);
    });
    return *mesh.ask(SidecarOf{"a", "a/s"});
  };
  CHECK(policy([](auto&) {}).outbound == std::nullopt);
  CHECK(policy([](auto& p) { p.emplace(); }).outbound == Outbound::registry_only);
  CHECK(policy([](auto& p) { p.emplace().registryOnly = false; }).outbound == Outbound::allow_any);
  const auto through = [](const std::string& host, std::uint32_t port, const std::string& subset = {}) {
    return [=](auto& p) {
      p.emplace().registryOnly = false;
      p->egressProxy = api::Destination{host, subset, port};
    };
  };
  const auto proxied = policy(through("x", 80));
  CHECK(proxied.outbound == Outbound::allow_any);
  CHECK(proxied.egressProxy == model::Destination{fqdn("x", "a"), 80, "", false});
  CHECK(reached(mesh).size() == 4);
  for (const auto& [fill, why] :
       std::vector<std::pair<std::function<void(decltype(api::SidecarSpec::outboundTrafficPolicy)&)>, std::string>>{
           {through("nowhere", 80), "there is no service"},
           {through("x", 81), "has no port 81"},
           {through("x", 80, "v1"), "subset \"v1\""}}) {
    CHECK(policy(fill).outbound == Outbound::registry_only);
    CHECK(mesh.noted("Sidecar/a/s", why));
  }
  CHECK(policy([](auto& p) { p.emplace().registryOnly = false; }, {errorAt("spec.outboundTrafficPolicy.mode")})
            .outbound == Outbound::registry_only);
}

TEST_CASE("ingress names the ports in place of the services, and what is spoken there") {
  auto mesh = withServices();
  const model::Labels labels{{"app", "x"}};
  CHECK(mesh.ask(InboundPortsOf{"a", labels}).at(0).port == 80);
  CHECK(sidecarWithIngress(mesh, "a", labels) == nullptr);
  add(mesh, "a", "s", [](auto& o) {
    o.spec.ingress.resize(3);
    o.spec.ingress[0].port = {80, "HTTPS", ""};
    o.spec.ingress[0].tls.emplace().mode = api::GatewaySpec::Tls::Mode::simple;
    o.spec.ingress[0].defaultEndpoint = "127.0.0.1:8080";
    o.spec.ingress[1].port = {9000, "TCP", ""};
    o.spec.ingress[1].capture = api::SidecarSpec::Capture::none;
    o.spec.ingress[1].connectionPool.emplace().maxConnections = 3;
    o.spec.ingress[2].port = {9001, "TCP", ""};
    o.spec.inboundConnectionPool.emplace().maxConnections = 9;
    o.problems = {errorAt("spec.ingress[2].defaultEndpoint")};
  });
  const auto ports = mesh.ask(InboundPortsOf{"a", labels});
  REQUIRE(ports.size() == 2);
  CHECK(ports[0].port == 80);
  CHECK(ports[0].protocol == model::Protocol::http);
  CHECK(ports[0].services.size() == 1);
  CHECK(ports[1].port == 9000);
  CHECK(ports[1].services.empty());
  const auto* sidecar = sidecarWithIngress(mesh, "a", labels);
  REQUIRE(sidecar != nullptr);
  CHECK(sidecar->ingress[0].endpoint == "127.0.0.1:8080");
  CHECK(sidecar->ingress[0].captured);
  CHECK_FALSE(sidecar->ingress[1].captured);
  CHECK(sidecar->ingress[1].pool->maxConnections == 3U);
  CHECK(sidecar->inboundPool->maxConnections == 9U);
  CHECK(mesh.noted("Sidecar/a/s", "taken as one that no service names"));
}
