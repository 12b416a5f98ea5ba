#include "translate/outbound.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "translate/any.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;

namespace {

HttpConnectionManager httpOf(const FilterChain& chain) {
  return unpack<HttpConnectionManager>(chain.filters(chain.filters_size() - 1).typed_config());
}
TcpProxy tcpOf(const FilterChain& chain) {
  return unpack<TcpProxy>(chain.filters(chain.filters_size() - 1).typed_config());
}
std::vector<std::string> serverNames(const FilterChain& chain) {
  const auto& names = chain.filter_chain_match().server_names();
  return {names.begin(), names.end()};
}

Resources accepted(const World& world, const Proxy& proxy) {
  auto resources = resourcesOf(world, proxy);
  const auto refusal = envoyRefuses(resources);
  CHECK(refusal == "");
  CHECK(resources.duplicates.empty());
  return resources;
}

model::L4Route l4Route(std::vector<std::string> sni, const std::string& host, std::uint32_t number) {
  model::L4Route route;
  route.sniHosts = std::move(sni);
  route.destinations.push_back({{host, number, {}, false}, 100});
  route.provenance = {"VirtualService", "default", "vs", "tls[0]"};
  return route;
}

}  // namespace

TEST_CASE("a client without VHDS gets whole route configurations, with the same virtual hosts") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)});
  world.addService("default", "b", {port("http", 80, model::Protocol::http)});
  for (const auto interception : {Interception::redirect, Interception::none}) {
    auto proxy = sidecar();
    proxy.interception = interception;
    const auto parts = accepted(world, proxy);
    proxy.wholeRoutes = true;
    const auto whole = accepted(world, proxy);
    CHECK(whole.names(Type::virtual_host).empty());
    CHECK(whole.names(Type::listener) == parts.names(Type::listener));
    CHECK(whole.names(Type::route) == parts.names(Type::route));
    const auto table = whole.get<RouteConfiguration>(Type::route, "80");
    CHECK_FALSE(table.has_vhds());
    CHECK(table.ignore_port_in_host_matching());
    std::map<std::string, std::string> found;
    for (auto host : table.virtual_hosts()) {
      const auto name = std::exchange(*host.mutable_name(), "");
      found[name] = serialize(host);
    }
    REQUIRE(found.size() == 3);
    for (const auto& name : parts.names(Type::virtual_host)) {
      auto host = parts.get<VirtualHost>(Type::virtual_host, name);
      host.clear_name();
      const auto bare =
          name.substr(3) == "allow_any" && interception == Interception::none ? "unknown_host" : name.substr(3);
      CHECK(found.at(bare) == serialize(host));
    }
  }
}

TEST_CASE("the check by a real Envoy finds what it refuses") {
  auto resources = resourcesOf(World{}, sidecar());
  auto listener = resources.get<Listener>(Type::listener, "virtualOutbound");
  *listener.add_filter_chains() = FilterChain(listener.filter_chains(0));  // the same match twice
  resources.byType[Type::listener]["virtualOutbound"] = makeResource(Type::listener, "virtualOutbound", listener);
  CHECK(envoyRefuses(resources).find("virtualOutbound") != std::string::npos);
}

TEST_CASE("an empty mesh still has what intercepted connections need") {
  const auto resources = accepted(World{}, sidecar());
  const auto listener = resources.get<Listener>(Type::listener, "virtualOutbound");
  CHECK(listener.use_original_dst().value());
  CHECK(listener.address().socket_address().port_value() == 15001);
  REQUIRE(listener.filter_chains_size() == 2);
  CHECK(tcpOf(listener.filter_chains(0)).cluster() == "BlackHoleCluster");
  CHECK(tcpOf(listener.filter_chains(1)).cluster() == "PassthroughCluster");
  CHECK(resources.has(Type::cluster, "PassthroughCluster"));
}

TEST_CASE("HTTP services of a port share one listener; their routes come as virtual hosts") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)});
  world.addService("other", "b", {port("grpc", 80, model::Protocol::grpc)});
  const auto resources = accepted(world, sidecar());
  const auto listener = resources.get<Listener>(Type::listener, "0.0.0.0_80");
  CHECK_FALSE(listener.bind_to_port().value());
  CHECK(listener.has_bind_to_port());
  const auto http = httpOf(listener.filter_chains(0));
  CHECK(http.rds().route_config_name() == "80");
  CHECK(http.rds().config_source().has_ads());
  CHECK(http.normalize_path().value());
  CHECK_FALSE(http.merge_slashes());
  CHECK(http.upgrade_configs(0).upgrade_type() == "websocket");

  const auto table = resources.get<RouteConfiguration>(Type::route, "80");
  CHECK(table.vhds().config_source().has_ads());
  CHECK(table.virtual_hosts().empty());
  CHECK_FALSE(table.validate_clusters().value());
  const std::vector<std::string> expected{"80/a.default.svc.cluster.local:80", "80/allow_any",
                                          "80/b.other.svc.cluster.local:80"};
  CHECK(resources.names(Type::virtual_host) == expected);
  for (const auto& name : expected) {
    // Envoy takes what is before the last slash for the route configuration, and removes by VirtualHost.name.
    CHECK(name.rfind('/') == 2);
    CHECK(resources.get<VirtualHost>(Type::virtual_host, name).name() == name);
  }
  CHECK(resources.get<VirtualHost>(Type::virtual_host, "80/allow_any").routes(0).route().cluster() ==
        "PassthroughCluster");
}

TEST_CASE("an unrouted host is routed to itself with two retries") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)});
  const auto host =
      accepted(world, sidecar()).get<VirtualHost>(Type::virtual_host, "80/a.default.svc.cluster.local:80");
  REQUIRE(host.routes_size() == 1);
  CHECK(host.routes(0).route().cluster() == "outbound|80||a.default.svc.cluster.local");
  CHECK(host.routes(0).route().retry_policy().num_retries().value() == 2);
  CHECK(host.routes(0).route().has_timeout());
}

TEST_CASE("a TCP service has a listener at its own address, beside HTTP on the same port") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)});
  world.addService("default", "db", {port("tcp", 80, model::Protocol::tcp)}).addresses = {"10.96.1.2", "fd00::2"};
  const auto resources = accepted(world, sidecar());
  CHECK(resources.has(Type::listener, "0.0.0.0_80"));
  const auto listener = resources.get<Listener>(Type::listener, "10.96.1.2_80");
  CHECK(listener.address().socket_address().address() == "10.96.1.2");
  CHECK(tcpOf(listener.filter_chains(0)).cluster() == "outbound|80||db.default.svc.cluster.local");
  CHECK(resources.has(Type::listener, "fd00::2_80"));
}

TEST_CASE("mongo and redis are TCP") {
  World world;
  world.addService("default", "m", {port("mongo", 27017, model::Protocol::mongo)}).addresses = {"10.96.1.2"};
  world.addService("default", "r", {port("redis", 6379, model::Protocol::redis)}).addresses = {"10.96.1.3"};
  const auto resources = accepted(world, sidecar());
  CHECK(resources.has(Type::listener, "10.96.1.2_27017"));
  CHECK(resources.has(Type::listener, "10.96.1.3_6379"));
}

TEST_CASE("TLS routes go by server name, the rest to the service itself") {
  World world;
  const auto host = world.addService("default", "web", {port("https", 443, model::Protocol::https)}).host;
  world.services[host].addresses = {"10.96.1.2"};
  auto& routes = world.routes[{host, 443}];
  routes.defined = true;
  routes.tls = {l4Route({"A.example.com", "*.b.example.com"}, hostOf("default", "other"), 443),
                l4Route({"a.example.com", "c*.example.com"}, hostOf("default", "third"), 443)};
  const auto resources = accepted(world, sidecar());
  const auto listener = resources.get<Listener>(Type::listener, "10.96.1.2_443");
  REQUIRE(listener.filter_chains_size() == 2);
  CHECK(serverNames(listener.filter_chains(0)) == std::vector<std::string>{"a.example.com", "*.b.example.com"});
  CHECK(tcpOf(listener.filter_chains(0)).cluster() == "outbound|443||other.default.svc.cluster.local");
  CHECK(tcpOf(listener.filter_chains(1)).cluster() == "outbound|443||" + host);
  CHECK(listener.listener_filters(0).name() == "envoy.filters.listener.tls_inspector");
  CHECK(resources.noted("VirtualService/default/vs", "already"));
  CHECK(resources.noted("VirtualService/default/vs", "c*.example.com"));
}

TEST_CASE("TCP routes have weights; a missing destination closes its share") {
  World world;
  const auto host = world.addService("default", "db", {port("tcp", 9000, model::Protocol::tcp)}).host;
  world.services[host].addresses = {"10.96.1.2"};
  auto route = l4Route({}, host, 9000);
  route.destinations[0].weight = 90;
  route.destinations.push_back({{"gone", 0, {}, true}, 10});
  route.destinations.push_back({{host, 9000, "v2", false}, 0});
  world.routes[{host, 9000}] = {true, {}, {}, {route}};
  auto& policy = world.policies[{host, 9000}].policy;
  policy.pool.tcpIdleTimeout = std::chrono::seconds(9);
  policy.hash = model::TrafficPolicy::HashPolicy{};
  policy.hash->sourceIp = true;
  const auto proxy = tcpOf(accepted(world, sidecar()).get<Listener>(Type::listener, "10.96.1.2_9000").filter_chains(0));
  REQUIRE(proxy.weighted_clusters().clusters_size() == 2);
  CHECK(proxy.weighted_clusters().clusters(0).weight() == 90);
  CHECK(proxy.weighted_clusters().clusters(1).name() == "BlackHoleCluster");
  CHECK(proxy.idle_timeout().seconds() == 9);
}

TEST_CASE("services at the sidecar's own ports get no listener, and a note") {
  World world;
  world.addService("default", "odd", {port("http", 15001, model::Protocol::http)});
  const auto resources = accepted(world, sidecar());
  CHECK_FALSE(resources.has(Type::listener, "0.0.0.0_15001"));
  CHECK(resources.noted("Service/default/odd", "15001"));
}

TEST_CASE("without interception listeners bind to the outbound address") {
  World world;
  world.addService("default", "a", {port("http", 8000, model::Protocol::http)});
  world.addService("default", "db", {port("tcp", 9000, model::Protocol::tcp)});
  const auto resources = accepted(world, bareSidecar());
  const auto http = resources.get<Listener>(Type::listener, "0.0.0.0_8000");
  CHECK(http.address().socket_address().address() == "127.0.1.9");
  CHECK_FALSE(http.has_bind_to_port());
  const auto tcp = resources.get<Listener>(Type::listener, "127.0.1.9_9000");
  CHECK(tcpOf(tcp.filter_chains(0)).cluster() == "outbound|9000||db.default.svc.cluster.local");
  CHECK_FALSE(resources.has(Type::listener, "virtualOutbound"));
  CHECK_FALSE(resources.has(Type::cluster, "PassthroughCluster"));
  const auto unknown = resources.get<VirtualHost>(Type::virtual_host, "8000/allow_any");
  CHECK(unknown.routes(0).direct_response().status() == 502);
}

TEST_CASE("without interception a port has one owner: HTTP before TCP, then the first host") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)});
  world.addService("default", "b", {port("tcp", 80, model::Protocol::tcp)});
  world.addService("default", "c", {port("tcp", 90, model::Protocol::tcp)});
  world.addService("default", "d", {port("tcp", 90, model::Protocol::tcp)});
  const auto resources = accepted(world, bareSidecar());
  CHECK_FALSE(resources.has(Type::listener, "127.0.1.9_80"));
  CHECK(resources.noted("Service/default/b", "HTTP port"));
  CHECK(tcpOf(resources.get<Listener>(Type::listener, "127.0.1.9_90").filter_chains(0)).cluster() ==
        "outbound|90||c.default.svc.cluster.local");
  CHECK(resources.noted("Service/default/d", "c.default.svc.cluster.local"));
}

TEST_CASE("without interception TLS services share a port by server name") {
  World world;
  world.addService("default", "a", {port("https", 443, model::Protocol::https)});
  world.addService("other", "b", {port("https", 443, model::Protocol::https)});
  const auto listener = accepted(world, bareSidecar()).get<Listener>(Type::listener, "127.0.1.9_443");
  REQUIRE(listener.filter_chains_size() == 2);
  CHECK(serverNames(listener.filter_chains(0)) ==
        std::vector<std::string>{"a.default.svc.cluster.local", "a.default.svc", "a.default", "a"});
  CHECK(serverNames(listener.filter_chains(1)) ==
        std::vector<std::string>{"b.other.svc.cluster.local", "b.other.svc", "b.other"});
}

TEST_CASE("an unprivileged proxy without interception leaves low ports out") {
  World world;
  world.addService("default", "a", {port("http", 80, model::Protocol::http)});
  world.addService("default", "b", {port("http", 8080, model::Protocol::http)});
  auto proxy = bareSidecar();
  proxy.unprivileged = true;
  const auto resources = accepted(world, proxy);
  CHECK_FALSE(resources.has(Type::listener, "0.0.0.0_80"));
  CHECK(resources.has(Type::listener, "0.0.0.0_8080"));
  CHECK(resources.noted("Service/default/a", "1024"));
}

TEST_CASE("a change of one host's endpoints or routes reaches only units of that host") {
  World world;
  for (int i = 0; i < 20; ++i)
    world.addService("default", "s" + std::to_string(i), {port("http", 80, model::Protocol::http)});
  const auto before = resourcesOf(world, sidecar());
  world.addEndpoint(hostOf("default", "s7"), 80, "10.244.0.7", 8080);
  auto& routes = world.routes[{hostOf("default", "s7"), 80}];
  routes.defined = true;
  routes.http.emplace_back();
  routes.http.back().directResponse = model::HttpRoute::DirectResponse{418, "teapot"};
  const auto after = accepted(world, sidecar());
  std::vector<std::string> changed;
  for (const auto& [type, resources] : after.byType) {
    for (const auto& [name, resource] : resources) {
      if (before.byType.at(type).at(name)->version != resource->version) changed.push_back(name);
    }
  }
  CHECK(changed ==
        std::vector<std::string>{"outbound|80||s7.default.svc.cluster.local", "80/s7.default.svc.cluster.local:80"});
  CHECK(after.units.at("virtual-host") == 20);
  CHECK(after.units.at("clusters") == 20);
}
