#include <catch2/catch.hpp>

#include "fixtures.h"
#include "normalize/protocol.h"
#include "normalize/services.h"

using namespace fairway;
using namespace fairway::test;
using model::Protocol;
using normalize::protocolOf;

TEST_CASE("a port's name tells its protocol by its prefix") {
  CHECK(protocolOf("", "http") == Protocol::http);
  CHECK(protocolOf("", "HTTP-web") == Protocol::http);
  CHECK(protocolOf("", "http2-a-b") == Protocol::http2);
  CHECK(protocolOf("", "grpc") == Protocol::grpc);
  CHECK(protocolOf("", "grpc-web") == Protocol::grpc_web);
  CHECK(protocolOf("", "grpc-web-x") == Protocol::grpc_web);
  CHECK(protocolOf("", "grpc-x") == Protocol::grpc);
  CHECK(protocolOf("", "https-x") == Protocol::https);
  CHECK(protocolOf("", "tls") == Protocol::tls);
  CHECK(protocolOf("", "mongo") == Protocol::mongo);
  CHECK(protocolOf("", "redis-cache") == Protocol::redis);
  CHECK(protocolOf("", "mysql") == Protocol::mysql);
  CHECK(protocolOf("", "tcp-x") == Protocol::tcp);
  CHECK_FALSE(protocolOf("", "httpx"));
  CHECK_FALSE(protocolOf("", "x-http"));
  CHECK_FALSE(protocolOf("", ""));
  CHECK_FALSE(protocolOf("", "ws"));
  // On a TCP port it is no UDP.
  CHECK_FALSE(protocolOf("", "udp-x"));
}

TEST_CASE("appProtocol beats the name, also where it names nothing known") {
  CHECK(protocolOf("http", "tcp-x") == Protocol::http);
  CHECK(protocolOf("kubernetes.io/h2c", "tcp") == Protocol::http2);
  CHECK(protocolOf("kubernetes.io/ws", "tcp") == Protocol::http);
  CHECK(protocolOf("kubernetes.io/wss", "http") == Protocol::https);
  CHECK(protocolOf("GRPC", "") == Protocol::grpc);
  CHECK_FALSE(protocolOf("example.com/own", "http"));
}

TEST_CASE("a Service is a host with its TCP ports") {
  Mesh mesh;
  mesh.add<api::Service>("shop", "Cart", [](auto& o) {
    o.spec.clusterIPs = {"10.96.0.9", "fd00::9"};
    o.spec.selector = {{"app", "cart"}};
    o.spec.ports = {{"http", "TCP", "", 80, "8080"},
                    {"dns", "UDP", "", 53, ""},
                    {"", "TCP", "", 9000, ""},
                    {"x", "TCP", "grpc", 9001, "rpc"}};
  });
  const auto& service = mesh.ask(normalize::ServiceOf{"cart.shop.svc.cluster.local"});
  REQUIRE(service);
  CHECK(service->host == "cart.shop.svc.cluster.local");
  CHECK(service->ns == "shop");
  CHECK(service->resolution == model::Service::Resolution::endpoints);
  CHECK(service->addresses == std::vector<std::string>{"10.96.0.9", "fd00::9"});
  REQUIRE(service->ports.size() == 3);
  CHECK(service->ports[0] == model::ServicePort{"http", 80, Protocol::http, "8080"});
  CHECK(service->ports[1] == model::ServicePort{"", 9000, Protocol::tcp, "9000"});
  CHECK(service->ports[2] == model::ServicePort{"x", 9001, Protocol::grpc, "rpc"});
  CHECK(mesh.noted("Service/shop/Cart", "neither name nor appProtocol", Severity::warning));
  CHECK_FALSE(mesh.ask(normalize::ServiceOf{"other.shop.svc.cluster.local"}));
  CHECK(mesh.ask(normalize::AllHosts{}) == std::vector<std::string>{"cart.shop.svc.cluster.local"});
}

TEST_CASE("headless and external services say how they are resolved") {
  Mesh mesh;
  mesh.add<api::Service>("a", "db", [](auto& o) {
    o.spec.clusterIPs = {"None"};
    o.spec.ports = {{"tcp", "TCP", "", 5432, ""}};
  });
  mesh.add<api::Service>("a", "web", [](auto& o) { o.spec.ports = {{"http", "TCP", "", 80, ""}}; });
  mesh.add<api::Service>("a", "ext", [](auto& o) {
    o.spec.type = "ExternalName";
    o.spec.externalName = "API.Example.com";
    o.spec.ports = {{"https", "TCP", "", 443, ""}};
  });
  const auto& db = mesh.ask(normalize::ServiceOf{fqdn("db", "a")});
  CHECK(db->headless);
  CHECK(db->resolution == model::Service::Resolution::original_dst);
  CHECK(db->addresses.empty());
  const auto& web = mesh.ask(normalize::ServiceOf{fqdn("web", "a")});
  CHECK(web->headless);
  CHECK(web->resolution == model::Service::Resolution::endpoints);
  const auto& external = mesh.ask(normalize::ServiceOf{fqdn("ext", "a")});
  CHECK_FALSE(external->headless);
  CHECK(external->resolution == model::Service::Resolution::dns);
  CHECK(external->externalName == "api.example.com");
}

TEST_CASE("hosts follow the cluster domain") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, ""}});
  auto settings = mesh.mesh();
  settings.clusterDomain = "corp.local";
  mesh.setMesh(settings);
  CHECK(mesh.ask(normalize::AllHosts{}) == std::vector<std::string>{"x.a.svc.corp.local"});
}

TEST_CASE("a Pod is a workload with its node's locality") {
  Mesh mesh;
  mesh.add<api::Node>("", "n1", [](auto& o) {
    o.meta.labels = {{"topology.kubernetes.io/region", "r"},
                     {"topology.kubernetes.io/zone", "z"},
                     {"topology.istio.io/subzone", "s"}};
  });
  mesh.add<api::Pod>("a", "p", [](auto& o) {
    o.meta.labels = {{"app", "x"}, {"security.istio.io/tlsMode", "istio"}};
    o.spec.nodeName = "n1";
    o.spec.ips = {"10.0.0.1", "fd00::1"};
    o.spec.ports = {{"web", 8080, ""}, {"dns", 53, "UDP"}, {"web", 9090, "TCP"}};
  });
  const auto& workload = mesh.ask(normalize::WorkloadOf{"a", "p"});
  REQUIRE(workload);
  CHECK(workload->serviceAccount == "default");
  CHECK(workload->locality == model::Locality{"r", "z", "s"});
  CHECK(workload->meshTls);
  CHECK(workload->namedPorts == std::map<std::string, std::uint32_t>{{"web", 8080}});
  CHECK(workload->ips.size() == 2);
  CHECK_FALSE(mesh.ask(normalize::WorkloadOf{"a", "q"}));

  mesh.add<api::Pod>("a", "done", [](auto& o) {
    o.spec.ips = {"10.0.0.1"};
    o.spec.phase = "Succeeded";
  });
  CHECK(mesh.ask(normalize::WorkloadOf{"a", "done"})->ips.empty());
}

TEST_CASE("services of a workload are those that select it") {
  Mesh mesh;
  mesh.service("a", "one", {{"http", 80, ""}}, {{"app", "x"}});
  mesh.service("a", "two", {{"http", 80, ""}}, {{"app", "x"}, {"v", "2"}});
  mesh.service("b", "three", {{"http", 80, ""}}, {{"app", "x"}});
  mesh.add<api::Service>("a", "manual", [](auto&) {});
  using normalize::WorkloadServices;
  CHECK(mesh.ask(WorkloadServices{"a", {{"app", "x"}}}) == std::vector<std::string>{fqdn("one", "a")});
  CHECK(mesh.ask(WorkloadServices{"a", {{"app", "x"}, {"v", "2"}}}) ==
        std::vector<std::string>{fqdn("one", "a"), fqdn("two", "a")});
  CHECK(mesh.ask(WorkloadServices{"a", {}}).empty());
}

TEST_CASE("inbound ports are workload ports, also by name; the first host says how they are read") {
  Mesh mesh;
  const api::Labels labels{{"app", "x"}};
  mesh.service("a", "one", {{"http", 80, "web"}, {"tcp-a", 90, "9090"}}, labels);
  mesh.service("a", "two", {{"tcp", 81, "8080"}}, labels);
  CHECK(mesh.ask(normalize::InboundPortsOf{"a", labels}).size() == 2);  // nobody knows what `web` is yet
  mesh.pod("a", "p", labels);
  const auto& ports = mesh.ask(normalize::InboundPortsOf{"a", labels});
  REQUIRE(ports.size() == 2);
  CHECK(ports[0].port == 8080);
  CHECK(ports[0].protocol == Protocol::http);
  REQUIRE(ports[0].services.size() == 2);
  CHECK(ports[0].services[0].host == fqdn("one", "a"));
  CHECK(ports[0].services[0].servicePort == 80);
  CHECK(ports[1].port == 9090);

  // A pod with more labels is a workload of another class.
  mesh.pod("a", "p", {{"app", "x"}, {"v", "2"}});
  const auto& without = mesh.ask(normalize::InboundPortsOf{"a", labels});
  CHECK(std::none_of(without.begin(), without.end(), [](const auto& p) { return p.services.size() == 2; }));
}
