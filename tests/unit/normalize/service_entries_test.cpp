#include <catch2/catch.hpp>

#include "api/service_entry.h"
#include "fixtures.h"
#include "normalize/service_entries.h"

using namespace fairway;
using namespace fairway::test;
using normalize::AllHosts;
using normalize::EndpointsOf;
using normalize::IdentitiesOf;
using normalize::MeshRouteHosts;
using normalize::ServiceEntryCheck;
using normalize::ServiceOf;
using normalize::WorkloadServices;
using Lines = std::vector<std::string>;
using Location = api::ServiceEntrySpec::Location;
using Resolution = api::ServiceEntrySpec::Resolution;
using ServiceResolution = model::Service::Resolution;

namespace {

template <class Fill>
void entry(Mesh& mesh, const std::string& ns, const std::string& name, Lines hosts, Fill fill) {
  mesh.add<api::ServiceEntry>(ns, name, [&](auto& o) {
    o.spec.hosts = hosts;
    o.spec.ports = {{"http", "HTTP", 80, 0}, {"tls", "TLS", 443, 8443}};
    fill(o);
  });
}

void entry(Mesh& mesh, const std::string& ns, const std::string& name, Lines hosts) {
  entry(mesh, ns, name, std::move(hosts), [](auto&) {});
}

// "address:port", and what else there is to say
Lines outline(Mesh& mesh, const std::string& host, std::uint32_t port) {
  Lines result;
  for (const auto& endpoint : mesh.ask(EndpointsOf{host, port}).endpoints) {
    auto line = endpoint.address + ":" + std::to_string(endpoint.port);
    if (endpoint.meshTls) line += " mesh";
    if (!endpoint.serviceAccount.empty()) line += " " + endpoint.workloadNs + "/" + endpoint.serviceAccount;
    if (endpoint.health == model::Endpoint::Health::draining) line += " draining";
    if (endpoint.weight != 1) line += " *" + std::to_string(endpoint.weight);
    result.push_back(line);
  }
  return result;
}

}  // namespace

TEST_CASE("the hosts of ServiceEntries are in the registry") {
  Mesh mesh;
  mesh.service("n", "x", {{"http", 80, ""}});
  entry(mesh, "n", "a", {"api.example.com", "*.example.org"}, [](auto& o) {
    o.spec.addresses = {"192.0.2.1"};
    o.spec.exportTo = {"."};
    o.spec.subjectAltNames = {"api"};
    o.spec.resolution = Resolution::dns_round_robin;
  });
  CHECK(mesh.ask(AllHosts{}) == Lines{"*.example.org", "api.example.com", fqdn("x", "n")});
  const auto& service = mesh.ask(ServiceOf{"api.example.com"});
  REQUIRE(service);
  CHECK(service->kind == "ServiceEntry");
  CHECK(service->ns == "n");
  CHECK(service->name == "a");
  CHECK(service->external);
  CHECK(service->resolution == ServiceResolution::dns_one);
  CHECK(service->addresses == Lines{"192.0.2.1"});
  CHECK(service->exportTo == Lines{"."});
  REQUIRE(service->ports.size() == 2);
  CHECK(service->ports[0] == model::ServicePort{"http", 80, model::Protocol::http, "80"});
  CHECK(service->ports[1] == model::ServicePort{"tls", 443, model::Protocol::tls, "8443"});
  CHECK(mesh.ask(IdentitiesOf{"api.example.com"}) == Lines{"api"});
}

TEST_CASE("resolution decides where endpoints come from") {
  Mesh mesh;
  entry(mesh, "n", "none", {"none.b"});
  CHECK(mesh.ask(ServiceOf{"none.b"})->resolution == ServiceResolution::original_dst);
  CHECK(outline(mesh, "none.b", 80).empty());

  entry(mesh, "n", "dns", {"dns.b"}, [](auto& o) { o.spec.resolution = Resolution::dns; });
  CHECK(mesh.ask(ServiceOf{"dns.b"})->resolution == ServiceResolution::dns);
  CHECK(outline(mesh, "dns.b", 80) == Lines{"dns.b:80"});
  CHECK(outline(mesh, "dns.b", 443) == Lines{"dns.b:8443"});  // its targetPort
  CHECK(outline(mesh, "dns.b", 81).empty());

  entry(mesh, "n", "names", {"*.names.b"}, [](auto& o) {
    o.spec.resolution = Resolution::dns;
    o.spec.endpoints = {{"US.names.b", {{"http", 8080}}, {}, "us/1/a", "", 3}, {"eu.names.b", {}, {}, "", "", 1}};
  });
  CHECK(outline(mesh, "*.names.b", 80) == Lines{"eu.names.b:80", "us.names.b:8080 *3"});
  CHECK(mesh.ask(EndpointsOf{"*.names.b", 80}).endpoints[1].locality == model::Locality{"us", "1", "a"});
}

TEST_CASE("endpoints inside the mesh have identities and mutual TLS, those outside have none") {
  Mesh mesh;
  const auto fill = [](Location location) {
    return [location](auto& o) {
      o.spec.location = location;
      o.spec.resolution = Resolution::static_addresses;
      o.spec.endpoints = {{"192.0.2.2", {}, {{"security.istio.io/tlsMode", "istio"}}, "", "vm", 1},
                          {"192.0.2.1", {}, {}, "", "", 1}};
    };
  };
  entry(mesh, "n", "in", {"in.b"}, fill(Location::internal));
  entry(mesh, "n", "out", {"out.b"}, fill(Location::external));
  CHECK(outline(mesh, "in.b", 80) == Lines{"192.0.2.1:80", "192.0.2.2:80 mesh n/vm"});
  CHECK(outline(mesh, "out.b", 80) == Lines{"192.0.2.1:80", "192.0.2.2:80 n/vm"});
  CHECK(mesh.ask(IdentitiesOf{"in.b"}) == Lines{"spiffe://cluster.local/ns/n/sa/vm"});
}

TEST_CASE("a workloadSelector takes ready pods of its namespace, and makes the host theirs") {
  Mesh mesh;
  const api::Labels labels{{"app", "x"}, {"security.istio.io/tlsMode", "istio"}};
  const auto pod = [&](const std::string& ns, const std::string& name, const std::string& ip, std::optional<bool> ready,
                       bool deleting = false) {
    mesh.add<api::Pod>(ns, name, [&](auto& o) {
      o.meta.labels = labels;
      o.meta.deleting = deleting;
      o.spec.serviceAccountName = "x";
      o.spec.ips = {ip};
      o.spec.ready = ready;
    });
  };
  pod("n", "ready", "10.0.0.1", true);
  pod("n", "unknown", "10.0.0.2", std::nullopt);
  pod("n", "starting", "10.0.0.3", false);
  pod("n", "ending", "10.0.0.4", false, true);
  pod("other", "elsewhere", "10.0.0.5", true);
  entry(mesh, "n", "pods", {"pods.b"}, [](auto& o) {
    o.spec.location = Location::internal;
    o.spec.resolution = Resolution::static_addresses;
    o.spec.workloadSelector = {{"app", "x"}};
  });
  CHECK(outline(mesh, "pods.b", 443) ==
        Lines{"10.0.0.1:8443 mesh n/x", "10.0.0.2:8443 mesh n/x", "10.0.0.4:8443 mesh n/x draining"});
  CHECK(mesh.ask(WorkloadServices{"n", labels}) == Lines{"pods.b"});
  CHECK(mesh.ask(WorkloadServices{"other", labels}).empty());
  CHECK(mesh.ask(WorkloadServices{"n", {{"app", "y"}}}).empty());
}

TEST_CASE("a host has one owner: Kubernetes' Service, then the oldest ServiceEntry without errors") {
  Mesh mesh;
  const auto created = [](const std::string& time, api::Problems problems = {}) {
    return [=](auto& o) {
      o.meta.creationTimestamp = time;
      o.problems = problems;
    };
  };
  mesh.service("n", "x", {{"http", 80, ""}});
  entry(mesh, "m", "steals", {fqdn("x", "n")}, created("2020-01-01T00:00:00Z"));
  entry(mesh, "m", "broken", {"a.b"}, created("2020-01-01T00:00:00Z", {errorAt("spec.ports[0]")}));
  entry(mesh, "m", "old", {"a.b"}, created("2021-01-01T00:00:00Z"));
  entry(mesh, "a", "young", {"a.b"}, created("2022-01-01T00:00:00Z"));
  CHECK(mesh.ask(ServiceOf{fqdn("x", "n")})->kind == "Service");
  CHECK(mesh.ask(ServiceOf{"a.b"})->name == "old");
  for (const auto* name : {"steals", "broken", "old"}) mesh.ask(ServiceEntryCheck{"m", name});
  mesh.ask(ServiceEntryCheck{"a", "young"});
  CHECK(mesh.noted("ServiceEntry/m/steals", "is that of Service/n/x", Severity::warning));
  CHECK(mesh.noted("ServiceEntry/m/broken", "left out"));
  CHECK(mesh.noted("ServiceEntry/a/young", "older ServiceEntry/m/old", Severity::warning));
  CHECK_FALSE(mesh.noted("ServiceEntry/m/old", "", Severity::warning));
  // Only what has no errors is listed.
  CHECK(mesh.ask(AllHosts{}) == Lines{"a.b", fqdn("x", "n")});
}

TEST_CASE("a port whose connections name no host needs an address, as none is allocated") {
  Mesh mesh;
  const auto opaque = [](const std::string& protocol, Lines addresses = {}) {
    return [=](auto& o) {
      o.spec.ports = {{"web", "HTTP", 80, 0}, {"db", protocol, 3306, 0}};
      o.spec.addresses = addresses;
    };
  };
  entry(mesh, "m", "tcp", {"db.example.com"}, opaque("TCP"));
  entry(mesh, "m", "redis", {"cache.example.com"}, opaque("REDIS"));
  entry(mesh, "m", "addressed", {"a.example.com"}, opaque("TCP", {"192.0.2.1"}));
  entry(mesh, "m", "tls", {"t.example.com"}, opaque("TLS"));
  for (const auto* name : {"tcp", "redis", "addressed", "tls"}) mesh.ask(ServiceEntryCheck{"m", name});
  CHECK(mesh.noted("ServiceEntry/m/tcp", "port 3306 speaks TCP, and the entry has no addresses: none is allocated",
                   Severity::warning));
  CHECK(mesh.noted("ServiceEntry/m/redis", "meant for cache.example.com", Severity::warning));
  CHECK_FALSE(mesh.noted("ServiceEntry/m/addressed", "", Severity::warning));
  CHECK_FALSE(mesh.noted("ServiceEntry/m/tls", "", Severity::warning));
}

TEST_CASE("a VirtualService may lead to a ServiceEntry that its clients see") {
  Mesh mesh;
  entry(mesh, "n", "e", {"api.example.com"}, [](auto& o) { o.spec.exportTo = {"."}; });
  mesh.add<api::VirtualService>("m", "vs", [](auto& o) {
    o.spec.hosts = {"api.example.com"};
    auto& route = o.spec.http.emplace_back();
    route.route.push_back({{"api.example.com", "", 80}, 0, {}});
  });
  const auto missing = [&](const std::string& clientNs) {
    return mesh.ask(normalize::RoutesOf{clientNs, "api.example.com", 80})
        .http.at(0)
        .destinations.at(0)
        .destination.missing;
  };
  CHECK_FALSE(missing("n"));
  CHECK(missing("m"));
  CHECK(mesh.noted("VirtualService/m/vs", "is not exported to namespace m"));
}

TEST_CASE("hosts that sidecars' VirtualServices route, in a registry or not") {
  Mesh mesh;
  const auto route = [&](const std::string& name, Lines hosts, Lines gateways, bool http = true) {
    mesh.add<api::VirtualService>("n", name, [&](auto& o) {
      o.spec.hosts = hosts;
      o.spec.gateways = gateways;
      if (http) o.spec.http.emplace_back();
    });
  };
  route("one", {"Short", "a.example.com", "*.example.org", "*"}, {});
  route("two", {"edge.example.com"}, {"gw"});
  route("three", {"both.example.com", "a.example.com"}, {"gw", "mesh"});
  route("tls-only", {"tls.example.com"}, {}, false);
  CHECK(mesh.ask(MeshRouteHosts{}) == Lines{"*.example.org", "a.example.com", "both.example.com", fqdn("short", "n")});
}
