#include <algorithm>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::cluster::v3::Cluster;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext;
using model::MtlsMode;
using Names = std::vector<std::string>;
using Outbound = model::MeshSettings::Outbound;

namespace {

const std::string kA = hostOf("default", "a"), kB = hostOf("default", "b"), kDb = hostOf("default", "db");

Resources accepted(const World& world, const Proxy& proxy) {
  auto resources = resourcesOf(world, proxy);
  const auto refusal = envoyRefuses(resources);
  CHECK(refusal == "");
  CHECK(resources.duplicates.empty());
  return resources;
}

// Two HTTP services, at 80 both and one at 8080 too, and a database.
World world() {
  World result;
  result.addService("default", "a", {port("http", 80, model::Protocol::http)});
  result.addService("default", "b",
                    {port("http", 80, model::Protocol::http), port("http-other", 8080, model::Protocol::http)});
  result.addService("default", "db", {port("tcp", 5432, model::Protocol::tcp)});
  result.sidecar.emplace().provenance = {"Sidecar", "default", "sidecar", {}};
  return result;
}

model::Sidecar::Egress& egress(World& world, Names hosts) {
  world.imported.push_back(std::move(hosts));
  auto& listener = world.sidecar->egress.emplace_back();
  listener.field = "spec.egress[" + std::to_string(world.imported.size() - 1) + "]";
  return listener;
}

Names domains(const RouteConfiguration& table) {
  Names result;
  for (const auto& host : table.virtual_hosts()) {
    for (const auto& domain : host.domains()) result.push_back(domain);
  }
  return result;
}

std::string clusterOfLast(const Listener& listener) {
  const auto& chain = listener.filter_chains(listener.filter_chains_size() - 1);
  return unpack<TcpProxy>(chain.filters(chain.filters_size() - 1).typed_config()).cluster();
}

HttpConnectionManager httpOf(const FilterChain& chain) {
  return unpack<HttpConnectionManager>(chain.filters(chain.filters_size() - 1).typed_config());
}

model::Sidecar::Ingress& ingress(World& world, std::uint32_t number, model::Protocol protocol,
                                 const std::string& endpoint = {}) {
  auto& port = world.sidecar->ingress.emplace_back();
  port.port = number;
  port.protocol = protocol;
  port.endpoint = endpoint;
  port.field = "spec.ingress[0]";
  return port;
}

}  // namespace

TEST_CASE("a sidecar has clusters, listeners and virtual hosts of what its Sidecar imports") {
  auto w = world();
  egress(w, {kA});
  const auto r = accepted(w, sidecar());
  CHECK(r.names(Type::cluster) ==
        Names{"BlackHoleCluster", "InboundPassthroughCluster", "PassthroughCluster", "outbound|80||" + kA});
  CHECK(r.names(Type::endpoint) == Names{"outbound|80||" + kA});
  CHECK(r.names(Type::listener) == Names{"0.0.0.0_80", "virtualInbound", "virtualOutbound"});
  CHECK(r.names(Type::virtual_host) == Names{"80/" + kA + ":80", "80/allow_any"});
  const auto bare = accepted(w, bareSidecar());
  CHECK(bare.names(Type::cluster) == Names{"BlackHoleCluster", "outbound|80||" + kA});
}

TEST_CASE("a listener with a port decides about that port alone") {
  auto w = world();
  egress(w, {kA, kB, kDb});
  egress(w, {kB}).port = 80;
  const auto r = accepted(w, sidecar());
  CHECK(r.names(Type::virtual_host) ==
        Names{"80/allow_any", "80/" + kB + ":80", "8080/allow_any", "8080/" + kB + ":8080"});
  CHECK(r.has(Type::listener, "10.96.0.3_5432"));
  CHECK(r.has(Type::cluster, "outbound|80||" + kA));  // imported, though no listener of its own leads there
}

TEST_CASE("nothing imported: only what the sidecar needs for itself") {
  auto w = world();
  egress(w, {});
  const auto r = accepted(w, sidecar());
  CHECK(r.names(Type::listener) == Names{"virtualInbound", "virtualOutbound"});
  CHECK(r.names(Type::route).empty());
}

TEST_CASE("a sidecar reaches whom it tells of its requests, whatever its app may reach") {
  auto w = world();
  egress(w, {kA});
  auto& telemetry = w.telemetry.emplace();
  telemetry.server.logs = {{"db", model::FluentdLog{{kDb, 5432}, "tag", {}, 2}, {}}};
  telemetry.provenance = {{"Telemetry", "default", "logs", {}}};
  const auto r = accepted(w, sidecar());
  CHECK(r.has(Type::cluster, "outbound|5432||" + kDb));
  CHECK(r.has(Type::endpoint, "outbound|5432||" + kDb));
  CHECK_FALSE(r.has(Type::listener, "10.96.0.3_5432"));
  // Its logger takes a cluster of the bootstrap alone, which leads here.
  const auto relay = r.get<envoy::config::listener::v3::Listener>(Type::listener, "fluentd-2");
  CHECK(relay.has_internal_listener());
  CHECK(relay.filter_chains(0).filters(0).typed_config().value().find("outbound|5432||" + kDb) != std::string::npos);
  CHECK_FALSE(r.has(Type::listener, "fluentd-1"));
  CHECK_FALSE(r.has(Type::cluster, "outbound|80||" + kB));
  for (const auto* name : {"virtualInbound", "virtualOutbound", "0.0.0.0_80"}) {
    const auto& objects = r.byType.at(Type::listener).at(name)->provenance;
    CHECK(std::find(objects.begin(), objects.end(), telemetry.provenance.front()) != objects.end());
  }
}

TEST_CASE("unknown hosts: as the mesh has it, as the Sidecar has it, or through its proxy") {
  auto w = world();
  egress(w, {kA, kB});
  const auto check = [&](const std::string& cluster, const std::string& route) {
    const auto r = accepted(w, sidecar());
    CHECK(clusterOfLast(r.get<Listener>(Type::listener, "virtualOutbound")) == cluster);
    const auto host = r.get<VirtualHost>(Type::virtual_host, "80/allow_any");
    CHECK(host.routes(0).name() == route);
    if (route == "allow_any") CHECK(host.routes(0).route().cluster() == cluster);
  };
  check("PassthroughCluster", "allow_any");
  w.settings.outbound = Outbound::registry_only;
  check("BlackHoleCluster", "block_all");
  w.sidecar->outbound = Outbound::allow_any;
  check("PassthroughCluster", "allow_any");
  w.sidecar->egressProxy = model::Destination{kB, 8080, {}, false};
  check("outbound|8080||" + kB, "allow_any");
  w.sidecar->outbound = Outbound::registry_only;
  check("BlackHoleCluster", "block_all");
}

TEST_CASE("an egress listener with an address has a socket and a route configuration of its own") {
  auto w = world();
  auto& own = egress(w, {kA, kB});
  own.port = 8080;
  own.bind = "127.0.0.7";
  const auto r = accepted(w, sidecar());
  const auto listener = r.get<Listener>(Type::listener, "127.0.0.7_8080");
  CHECK_FALSE(listener.has_bind_to_port());
  CHECK(listener.address().socket_address().address() == "127.0.0.7");
  CHECK(httpOf(listener.filter_chains(0)).rds().route_config_name() == "127.0.0.7:8080");
  const auto table = r.get<RouteConfiguration>(Type::route, "127.0.0.7:8080");
  CHECK_FALSE(table.has_vhds());
  REQUIRE(table.virtual_hosts_size() == 2);  // only b has the port
  CHECK(table.virtual_hosts(0).domains(0) == kB);
  CHECK(table.virtual_hosts(1).routes(0).direct_response().status() == 502);
  CHECK_FALSE(r.has(Type::listener, "0.0.0.0_8080"));
}

TEST_CASE("without interception a port's listener is where the proxy's others are") {
  auto w = world();
  auto& own = egress(w, {kB});
  own.port = 8080;
  own.captured = false;
  const auto r = accepted(w, bareSidecar());
  CHECK(r.has(Type::listener, "127.0.1.9_8080"));
  CHECK(r.has(Type::route, "127.0.0.1:8080"));
}

TEST_CASE("at a Unix socket, and for a forward proxy, hosts are told apart by port, too") {
  for (const bool socket : {true, false}) {
    CAPTURE(socket);
    auto w = world();
    auto& own = egress(w, {kA, kB});
    own.port = socket ? 0 : 3128;
    own.bind = socket ? "unix:///var/run/out.sock" : "";
    own.forwardProxy = !socket;
    const auto r = accepted(w, sidecar());
    const std::string name = socket ? "unix:///var/run/out.sock" : "127.0.0.1:3128";
    const auto table = r.get<RouteConfiguration>(Type::route, name);
    CHECK_FALSE(table.ignore_port_in_host_matching());
    const auto all = domains(table);
    for (const auto& domain : {kA, kA + ":80", kB, kB + ":80", kB + ":8080", std::string("b:8080")}) {
      CHECK(std::count(all.begin(), all.end(), domain) == 1);
    }
    if (socket) {
      const auto listener = r.get<Listener>(Type::listener, name);
      CHECK(listener.address().pipe().path() == "/var/run/out.sock");
    }
  }
}

TEST_CASE("an egress listener of bytes leads to the first host with its port") {
  auto w = world();
  auto& own = egress(w, {kA, kDb});
  own.port = 5432;
  own.bind = "127.0.0.1";
  own.protocol = model::Protocol::tcp;
  CHECK(clusterOfLast(accepted(w, sidecar()).get<Listener>(Type::listener, "127.0.0.1_5432")) ==
        "outbound|5432||" + kDb);
  w.imported = {{kA}};
  const auto none = accepted(w, sidecar());
  CHECK_FALSE(none.has(Type::listener, "127.0.0.1_5432"));
  CHECK(none.noted("Sidecar/default/sidecar", "there is no listener"));
}

TEST_CASE("a listener at a port of the sidecar itself is refused, and told") {
  auto w = world();
  auto& own = egress(w, {kA});
  own.port = 15021;
  own.bind = "0.0.0.0";
  const auto r = accepted(w, sidecar());
  CHECK(r.noted("Sidecar/default/sidecar", "the sidecar itself listens there"));
}

TEST_CASE("ingress: other ports than the service's, and where the app listens") {
  auto w = world();
  egress(w, {});
  w.addService("default", "client", {port("http", 80, model::Protocol::http, "8080")});
  ingress(w, 9080, model::Protocol::http, "127.0.0.1:8080");
  ingress(w, 9081, model::Protocol::tcp, "unix:///var/run/app.sock");
  ingress(w, 9082, model::Protocol::tcp, "0.0.0.0:7000");
  ingress(w, 9083, model::Protocol::tcp);
  ingress(w, 9084, model::Protocol::tcp, "[::1]:7001");
  const auto r = accepted(w, sidecar());
  CHECK_FALSE(r.has(Type::cluster, "inbound|8080||"));
  const auto at = [&](std::uint32_t port) {
    return r.get<Cluster>(Type::cluster, "inbound|" + std::to_string(port) + "||");
  };
  const auto address = [&](std::uint32_t port) {
    return at(port).load_assignment().endpoints(0).lb_endpoints(0).endpoint().address();
  };
  CHECK(address(9080).socket_address().address() == "127.0.0.1");
  CHECK(address(9080).socket_address().port_value() == 8080);
  CHECK(at(9080).upstream_bind_config().source_address().address() == "127.0.0.6");
  CHECK(address(9081).pipe().path() == "/var/run/app.sock");
  CHECK_FALSE(at(9081).has_upstream_bind_config());
  CHECK(at(9082).type() == Cluster::ORIGINAL_DST);
  CHECK(at(9082).original_dst_lb_config().upstream_port_override().value() == 7000);
  CHECK(at(9083).type() == Cluster::ORIGINAL_DST);
  CHECK(address(9084).socket_address().address() == "::1");
  Names chains;
  const auto listener = r.get<Listener>(Type::listener, "virtualInbound");
  for (const auto& chain : listener.filter_chains()) chains.push_back(chain.name());
  CHECK(std::count(chains.begin(), chains.end(), "0.0.0.0_9080-plain") == 1);
  CHECK(std::count(chains.begin(), chains.end(), "0.0.0.0_8080-plain") == 0);
  const auto bare = accepted(w, bareSidecar());
  CHECK(bare.has(Type::listener, "inbound_127.0.0.9_9080"));
  CHECK(bare.get<Cluster>(Type::cluster, "inbound|9082||")
            .load_assignment()
            .endpoints(0)
            .lb_endpoints(0)
            .endpoint()
            .address()
            .socket_address()
            .address() == "127.0.0.9");
}

TEST_CASE("an ingress that is not captured has a socket of its own") {
  auto w = world();
  egress(w, {});
  auto& own = ingress(w, 9080, model::Protocol::http);
  own.captured = false;
  own.bind = "127.0.0.8";
  const auto r = accepted(w, sidecar());
  CHECK(r.get<Listener>(Type::listener, "inbound_127.0.0.8_9080").address().socket_address().port_value() == 9080);
  const auto listener = r.get<Listener>(Type::listener, "virtualInbound");
  for (const auto& chain : listener.filter_chains()) CHECK(chain.name().find("9080") == std::string::npos);
}

TEST_CASE("connection pools of the way in: of the port, else of the Sidecar") {
  auto w = world();
  egress(w, {});
  ingress(w, 9080, model::Protocol::http).pool.emplace().maxConnections = 3;
  ingress(w, 9081, model::Protocol::http);
  w.sidecar->inboundPool.emplace().maxPendingRequests = 9;
  const auto r = accepted(w, sidecar());
  const auto limits = [&](const std::string& name) {
    return r.get<Cluster>(Type::cluster, name).circuit_breakers().thresholds(0);
  };
  CHECK(limits("inbound|9080||").max_connections().value() == 3);
  CHECK(limits("inbound|9080||").max_pending_requests().value() == 4294967295U);
  CHECK(limits("inbound|9081||").max_pending_requests().value() == 9);
  // Also where the services name the ports.
  w.sidecar->ingress.clear();
  w.addService("default", "client", {port("http", 80, model::Protocol::http, "8080")});
  CHECK(accepted(w, sidecar())
            .get<Cluster>(Type::cluster, "inbound|8080||")
            .circuit_breakers()
            .thresholds(0)
            .max_pending_requests()
            .value() == 9);
}

TEST_CASE("TLS of clients outside the mesh ends where mTLS does not have the port to itself") {
  auto w = world();
  egress(w, {});  // no Envoy is asked here: the certificate would have to be there
  auto& own = ingress(w, 9080, model::Protocol::https);
  auto& tls = own.tls.emplace();
  tls.serverCertificate = "/etc/certs/tls.crt";
  tls.privateKey = "/etc/certs/tls.key";
  const auto chain = [&](const Resources& r, const std::string& name) {
    const auto listener = r.get<Listener>(Type::listener, "virtualInbound");
    for (const auto& one : listener.filter_chains()) {
      if (one.name() == "0.0.0.0_9080-" + name) return one;
    }
    return FilterChain();
  };
  const auto certificate = [&](const FilterChain& c) {
    return unpack<DownstreamTlsContext>(c.transport_socket().typed_config())
        .common_tls_context()
        .tls_certificates(0)
        .certificate_chain()
        .filename();
  };
  w.peers.mode = MtlsMode::disable;
  auto plain = chain(resourcesOf(w, sidecar()), "plain");
  CHECK(plain.filter_chain_match().transport_protocol() == "tls");
  CHECK(certificate(plain) == "/etc/certs/tls.crt");
  CHECK(httpOf(plain).has_route_config());
  w.peers.mode = MtlsMode::permissive;
  const auto r = resourcesOf(w, sidecar());
  CHECK(certificate(chain(r, "tls")) == "/etc/certs/tls.crt");
  CHECK_FALSE(chain(r, "plain").has_transport_socket());
  w.peers.mode = MtlsMode::strict;
  CHECK(resourcesOf(w, sidecar()).noted("Sidecar/default/sidecar", "the mesh's mTLS alone"));
}
