#include "translate/scopes.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <catch2/catch.hpp>

#include "translate/clusters.h"
#include "translate/gateway.h"
#include "translate/outbound.h"
#include "translate/ports.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;

namespace {

const std::string kOdd = "a|b\\c,d=e%f";

template <class Query>
void checkKey(const Query& query) {
  INFO(Query::kType << " " << query.key());
  CHECK(Query::parse(query.key()).key() == query.key());
}

}  // namespace

TEST_CASE("a proxy survives the way through its key") {
  Proxy proxy;
  proxy.type = ProxyType::gateway;
  proxy.ns = kOdd;
  proxy.pod = "p|d";
  proxy.serviceAccount = "s\\a";
  proxy.labels = {{kOdd, kOdd}, {"", ""}};
  proxy.ips = {"10.0.0.1", "fd00::1"};
  proxy.interception = Interception::none;
  proxy.outboundAddress = "127.0.0.2";
  proxy.appAddress = "127.0.0.3";
  proxy.unprivileged = true;
  proxy.wholeRoutes = true;
  proxy.metadata = {{kOdd, kOdd}, {"CLUSTER_ID", "Kubernetes"}};
  proxy.topology = GatewayTopology{.trustedProxies = 3, .proxyProtocol = true};
  CHECK(ScopesOf::parse(ScopesOf{proxy}.key()).proxy == proxy);
  CHECK(ScopesOf::parse(ScopesOf{Proxy{}}.key()).proxy == Proxy{});
}

TEST_CASE("every unit's key can be read back") {
  const model::Labels labels{{kOdd, kOdd}, {"app", "x"}};
  const GatewayScope gateway{kOdd,          "sa", labels, {{"http", 8080}},
                             {"127.0.0.1"}, true, {},     GatewayTopology{.trustedProxies = 1}};
  checkKey(SidecarOutbound{kOdd, Interception::none, {"127.0.0.1", "::1"}, true, true});
  checkKey(SidecarInbound{
      kOdd, "sa", labels, {{kOdd, 1}}, Interception::none, {"::1", "127.0.0.1"}, "127.0.0.1", true, true});
  checkKey(gateway);
  checkKey(PortHosts{80});
  checkKey(PortHostOf{80, kOdd});
  checkKey(HeadlessTable{80});
  checkKey(HeadlessAddresses{80, kOdd});
  checkKey(Clusters{kOdd, "host", Interception::none});
  checkKey(EndpointsUnit{kOdd, 80, kOdd, labels});
  checkKey(AllMeshTls{kOdd, 80});
  checkKey(OutboundPort{kOdd, 80, Interception::none, {"127.0.0.1"}, true});
  checkKey(TcpListeners{kOdd, 80, "host"});
  checkKey(RouteTable{kOdd, 80, Interception::none, true});
  checkKey(VirtualHostUnit{kOdd, 80, "host", true});
  checkKey(GatewayPorts{kOdd, labels, {{"http", 8080}}});
  checkKey(GatewayListener{gateway, 8080});
  checkKey(GatewayRouteTable{kOdd, labels, 443, "Gateway/a/b servers[0]", "https.443.x.b.a"});
  checkKey(GatewayClusters{kOdd, labels, {}, {kOdd, "b"}});
  checkKey(CredentialState{kOdd, "x"});
  checkKey(GatewaySecret{kOdd, "x"});
  const auto parsed = GatewayListener::parse(GatewayListener{gateway, 8080}.key());
  CHECK(parsed.scope.labels == labels);
  CHECK(parsed.scope.addresses == gateway.addresses);
  CHECK(parsed.port == 8080);
}

TEST_CASE("proxies that need the same share their scopes") {
  World world;
  auto a = sidecar(), b = sidecar();
  b.pod = "client-2";
  b.ips = {"10.244.0.10"};
  const auto scopes = [&](const Proxy& proxy) {
    const auto translated = resourcesOf(world, proxy);
    return translated.names(Type::listener);
  };
  CHECK(scopes(a) == scopes(b));
  CHECK(SidecarInbound{"ns", "sa", {{"a", "b"}}, {}, Interception::redirect, {}, {}, false}.key() !=
        SidecarInbound{"ns", "sb", {{"a", "b"}}, {}, Interception::redirect, {}, {}, false}.key());
}

TEST_CASE("listeners for no address in particular listen at the proxy's address families") {
  const auto listen = [](std::vector<std::string> ips, const std::string& name) {
    World world;
    world.addService("default", "web", {port("http", 80, model::Protocol::http)});
    auto proxy = sidecar();
    proxy.ips = std::move(ips);
    const auto listener = resourcesOf(world, proxy).get<envoy::config::listener::v3::Listener>(Type::listener, name);
    std::vector<std::string> found{listener.address().socket_address().address()};
    for (const auto& each : listener.additional_addresses()) {
      CHECK(each.address().socket_address().port_value() == listener.address().socket_address().port_value());
      found.push_back(each.address().socket_address().address());
    }
    return found;
  };
  for (const auto* name : {"virtualOutbound", "virtualInbound", "0.0.0.0_80"}) {
    CHECK(listen({"10.0.0.1"}, name) == std::vector<std::string>{"0.0.0.0"});
    CHECK(listen({"fd00::1"}, name) == std::vector<std::string>{"::"});
    CHECK(listen({"fd00::1", "10.0.0.1"}, name) == std::vector<std::string>{"0.0.0.0", "::"});
    CHECK(listen({}, name) == std::vector<std::string>{"0.0.0.0"});
  }
}

TEST_CASE("the pod in the store beats what the proxy says of itself") {
  World world;
  world.addService("default", "real", {port("http", 80, model::Protocol::http, "web")});
  world.addService("default", "claimed", {port("http", 80, model::Protocol::http, "9999")});
  model::Workload workload;
  workload.ns = "default";
  workload.name = "client-1";
  workload.serviceAccount = "client";
  workload.labels = {{"app", "real"}};
  workload.namedPorts = {{"web", 8123}};
  world.workloads[{"default", "client-1"}] = workload;
  auto proxy = sidecar();
  proxy.labels = {{"app", "claimed"}};
  const auto resources = resourcesOf(world, proxy);
  CHECK(resources.has(Type::cluster, "inbound|8123||"));
  CHECK_FALSE(resources.has(Type::cluster, "inbound|9999||"));

  // Who proved to be another account than the pod's is sent nothing of it.
  world.workloads.at({"default", "client-1"}).serviceAccount = "other";
  CHECK_FALSE(resourcesOf(world, proxy).has(Type::cluster, "inbound|8123||"));
}
