#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/clusters/dns/v3/dns_cluster.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

// Hosts outside the mesh, and what becomes of those that nobody knows.

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::cluster::v3::Cluster;
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::VirtualHost;
using envoy::extensions::clusters::dns::v3::DnsCluster;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext;
using model::Protocol;
using Lines = std::vector<std::string>;
using Resolution = model::Service::Resolution;

namespace {

const std::string kHost = "api.example.com";

Resources accepted(const World& world, const Proxy& proxy = sidecar()) {
  auto resources = resourcesOf(world, proxy);
  const auto refusal = envoyRefuses(resources);
  CHECK(refusal == "");
  CHECK(resources.duplicates.empty());
  return resources;
}

void addName(World& world, const std::string& host, std::uint32_t number, const std::string& name,
             std::uint32_t target) {
  model::Endpoint endpoint;
  endpoint.address = name;
  endpoint.port = target;
  world.endpoints[{host, number}].push_back(endpoint);
}

// "address:port" of a cluster's own endpoints.
Lines namesOf(const Cluster& cluster) {
  Lines result;
  for (const auto& locality : cluster.load_assignment().endpoints()) {
    for (const auto& endpoint : locality.lb_endpoints()) {
      const auto& address = endpoint.endpoint().address().socket_address();
      result.push_back(address.address() + ":" + std::to_string(address.port_value()));
    }
  }
  return result;
}

// "what it matches -> where it leads" for each chain of a listener.
Lines outline(const Listener& listener) {
  Lines result;
  for (const auto& chain : listener.filter_chains()) {
    std::string line;
    const auto& match = chain.filter_chain_match();
    for (const auto& name : match.server_names()) line += name + " ";
    for (const auto& range : match.prefix_ranges()) {
      line += range.address_prefix() + "/" + std::to_string(range.prefix_len().value()) + " ";
    }
    line += match.transport_protocol();
    const auto& filter = chain.filters(chain.filters_size() - 1);
    line += "-> ";
    line +=
        filter.name() == "envoy.filters.network.tcp_proxy" ? unpack<TcpProxy>(filter.typed_config()).cluster() : "HTTP";
    result.push_back(line);
  }
  return result;
}

}  // namespace

TEST_CASE("resolution decides the type of a cluster") {
  World world;
  world.addEntry("n", "none.b", {port("http", 80, Protocol::http)}, Resolution::original_dst);
  world.addEntry("n", "static.b", {port("http", 80, Protocol::http)}, Resolution::endpoints);
  world.addEndpoint("static.b", 80, "192.0.2.1", 8080).meshTls = false;
  world.addEntry("n", "dns.b", {port("http", 80, Protocol::http)}, Resolution::dns);
  addName(world, "dns.b", 80, "one.dns.b", 80);
  addName(world, "dns.b", 80, "two.dns.b", 8080);
  world.addEntry("n", "one.b", {port("http", 80, Protocol::http)}, Resolution::dns_one);
  addName(world, "one.b", 80, "one.b", 80);
  world.addEntry("n", "empty.b", {port("http", 80, Protocol::http)}, Resolution::dns_one);
  const auto resources = accepted(world);
  const auto cluster = [&](const std::string& host) {
    return resources.get<Cluster>(Type::cluster, "outbound|80||" + host);
  };
  CHECK(cluster("none.b").type() == Cluster::ORIGINAL_DST);
  CHECK(cluster("static.b").type() == Cluster::EDS);
  const auto dns = cluster("dns.b");
  CHECK(dns.cluster_type().name() == "envoy.clusters.dns");
  CHECK(namesOf(dns) == Lines{"one.dns.b:80", "two.dns.b:8080"});
  CHECK_FALSE(unpack<DnsCluster>(dns.cluster_type().typed_config()).all_addresses_in_single_endpoint());
  CHECK(unpack<DnsCluster>(cluster("one.b").cluster_type().typed_config()).all_addresses_in_single_endpoint());
  CHECK(namesOf(cluster("empty.b")).empty());
  // A gateway's connections come to itself: there is no address that the client chose.
  CHECK(resourcesOf(world, bareSidecar()).get<Cluster>(Type::cluster, "outbound|80||none.b").type() == Cluster::EDS);
}

TEST_CASE("outside the mesh there is no mutual TLS, unless a DestinationRule wants TLS") {
  World world;
  auto& entry = world.addEntry("n", kHost, {port("https", 443, Protocol::https)}, Resolution::endpoints);
  world.addEndpoint(kHost, 443, "192.0.2.1", 443);
  const auto cluster = [&] { return accepted(world).get<Cluster>(Type::cluster, "outbound|443||" + kHost); };
  CHECK_FALSE(cluster().has_transport_socket());
  CHECK(cluster().transport_socket_matches().empty());
  world.policies[{kHost, 443}].policy.tls.mode = model::TrafficPolicy::Tls::Mode::simple;
  entry.subjectAltNames = {"api"};
  auto tls = unpack<UpstreamTlsContext>(cluster().transport_socket().typed_config());
  CHECK(tls.sni() == kHost);
  CHECK(tls.common_tls_context().validation_context().match_typed_subject_alt_names(0).matcher().exact() == "api");
  entry.external = false;
  world.policies.clear();
  CHECK(cluster().transport_socket_matches_size() == 1);
}

TEST_CASE("a wildcard has no server name to send") {
  World world;
  world.addEntry("n", "*.example.com", {port("https", 443, Protocol::https)}, Resolution::original_dst);
  auto& tls = world.policies[{"*.example.com", 443}].policy.tls;
  tls.mode = model::TrafficPolicy::Tls::Mode::simple;
  const auto resources = accepted(world);
  const auto cluster = resources.get<Cluster>(Type::cluster, "outbound|443||*.example.com");
  CHECK(unpack<UpstreamTlsContext>(cluster.transport_socket().typed_config()).sni().empty());
  CHECK(resources.noted("ServiceEntry/n/entry", "without a server name"));
}

TEST_CASE("HTTP hosts outside the mesh are virtual hosts, wildcards and addresses, too") {
  World world;
  world.addEntry("n", "*.example.com", {port("http", 80, Protocol::http)}, Resolution::original_dst).addresses = {
      "192.0.2.1", "198.51.100.0/24"};
  const auto resources = accepted(world);
  const auto host = resources.get<VirtualHost>(Type::virtual_host, "80/*.example.com:80");
  CHECK(Lines(host.domains().begin(), host.domains().end()) == Lines{"*.example.com", "192.0.2.1"});
  CHECK(host.routes(0).route().cluster() == "outbound|80||*.example.com");
  CHECK(resources.has(Type::listener, "0.0.0.0_80"));
}

TEST_CASE("TLS hosts without an address are told apart by server name") {
  World world;
  world.addEntry("n", kHost, {port("https", 443, Protocol::https)}, Resolution::original_dst);
  world.addEntry("n", "*.example.org", {port("tls", 443, Protocol::tls)}, Resolution::original_dst);
  CHECK(outline(accepted(world).get<Listener>(Type::listener, "0.0.0.0_443")) ==
        Lines{"*.example.org -> outbound|443||*.example.org", kHost + " -> outbound|443||" + kHost,
              "-> PassthroughCluster"});
  // A VirtualService that takes the name elsewhere.
  auto& route = world.routes[{kHost, 443}].tls.emplace_back();
  route.sniHosts = {kHost};
  route.destinations.push_back({{"*.example.org", 443, {}, false}, 100});
  world.settings.outbound = model::MeshSettings::Outbound::registry_only;
  CHECK(outline(accepted(world).get<Listener>(Type::listener, "0.0.0.0_443")) ==
        Lines{"*.example.org -> outbound|443||*.example.org", kHost + " -> outbound|443||*.example.org",
              "-> BlackHoleCluster"});
}

TEST_CASE("HTTP and TLS on one port: TLS that nobody knows does not reach HTTP") {
  World world;
  world.addEntry("n", kHost, {port("https", 80, Protocol::https)}, Resolution::original_dst);
  world.addService("n", "web", {port("http", 80, Protocol::http)});
  CHECK(outline(accepted(world).get<Listener>(Type::listener, "0.0.0.0_80")) ==
        Lines{kHost + " -> outbound|80||" + kHost, "tls-> PassthroughCluster", "-> HTTP"});
}

TEST_CASE("TCP hosts: at their addresses, by range, or all of a port") {
  World world;
  world.addEntry("n", "addressed.b", {port("tcp", 27017, Protocol::tcp)}, Resolution::original_dst).addresses = {
      "192.0.2.1", "198.51.100.0/24", "2001:db8::/32"};
  world.addEntry("n", "same.b", {port("tcp", 27017, Protocol::tcp)}, Resolution::original_dst).addresses = {
      "198.51.100.0/24"};
  const auto resources = accepted(world);
  CHECK(outline(resources.get<Listener>(Type::listener, "192.0.2.1_27017")) == Lines{"-> outbound|27017||addressed.b"});
  CHECK(outline(resources.get<Listener>(Type::listener, "0.0.0.0_27017")) ==
        Lines{"198.51.100.0/24 2001:db8::/32 -> outbound|27017||addressed.b", "-> PassthroughCluster"});
  CHECK(resources.noted("ServiceEntry/n/entry", "another host has the addresses 198.51.100.0/24"));

  World open;
  open.addEntry("n", "first.b", {port("tcp", 9000, Protocol::tcp)}, Resolution::original_dst);
  open.addEntry("n", "second.b", {port("tcp", 9000, Protocol::tcp)}, Resolution::original_dst);
  open.addService("n", "in", {port("tcp", 9000, Protocol::tcp)});
  const auto rest = accepted(open);
  CHECK(outline(rest.get<Listener>(Type::listener, "0.0.0.0_9000")) == Lines{"-> outbound|9000||first.b"});
  CHECK(rest.noted("ServiceEntry/n/entry", "first.b takes all TCP connections"));
  const auto& service = open.services.at(hostOf("n", "in"));
  CHECK(rest.has(Type::listener, service.addresses.at(0) + "_9000"));
}

TEST_CASE("who does not see a host gets nothing of it") {
  World world;
  world
      .addEntry("n", kHost, {port("http", 80, Protocol::http), port("https", 443, Protocol::https)},
                Resolution::original_dst)
      .exportTo = {"."};
  const auto own = accepted(world, sidecar("n"));
  CHECK(own.has(Type::cluster, "outbound|80||" + kHost));
  CHECK(own.has(Type::virtual_host, "80/" + kHost + ":80"));
  CHECK(own.has(Type::listener, "0.0.0.0_443"));
  const auto other = accepted(world, sidecar("m"));
  CHECK_FALSE(other.has(Type::cluster, "outbound|80||" + kHost));
  CHECK_FALSE(other.has(Type::virtual_host, "80/" + kHost + ":80"));
  CHECK_FALSE(other.has(Type::listener, "0.0.0.0_443"));
}

TEST_CASE("REGISTRY_ONLY: unknown hosts get 502, unknown connections are closed") {
  World world;
  world.addService("n", "web", {port("http", 80, Protocol::http)});
  const auto fallback = [&] { return accepted(world).get<VirtualHost>(Type::virtual_host, "80/allow_any").routes(0); };
  const auto rest = [&] { return outline(accepted(world).get<Listener>(Type::listener, "virtualOutbound")).back(); };
  CHECK(fallback().route().cluster() == "PassthroughCluster");
  CHECK(rest() == "-> PassthroughCluster");
  world.settings.outbound = model::MeshSettings::Outbound::registry_only;
  CHECK(fallback().name() == "block_all");
  CHECK(fallback().direct_response().status() == 502);
  CHECK(rest() == "-> BlackHoleCluster");
}

TEST_CASE("a VirtualService may route a host that no registry has, on port 80") {
  World world;
  world.addService("n", "web", {port("http", 80, Protocol::http)});
  world.routedHosts = {"shop.example.com", hostOf("n", "web")};
  auto& routes = world.routes[{"shop.example.com", 80}];
  routes.defined = true;
  auto& route = routes.http.emplace_back();
  route.destinations.push_back({{hostOf("n", "web"), 80, {}, false}, 100, {}});
  auto resources = accepted(world);
  const auto host = resources.get<VirtualHost>(Type::virtual_host, "80/shop.example.com:80");
  CHECK(host.domains(0) == "shop.example.com");
  CHECK(host.routes(0).route().cluster() == "outbound|80||" + hostOf("n", "web"));
  CHECK_FALSE(resources.has(Type::cluster, "outbound|80||shop.example.com"));
  // A wildcard over a service is about the service.
  world.routedHosts = {"*.n.svc.cluster.local", "shop.example.com"};
  CHECK(accepted(world).names(Type::virtual_host).size() == 3);
  // Not for clients to whom the VirtualService says nothing.
  world.routes.clear();
  CHECK_FALSE(accepted(world).has(Type::virtual_host, "80/shop.example.com:80"));
}

TEST_CASE("the access log goes where the mesh's settings say") {
  World world;
  world.addService("n", "db", {port("tcp", 5432, Protocol::tcp)});
  world.addService("n", "web", {port("http", 80, Protocol::http)});
  const auto logs = [&] {
    using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
    const auto resources = accepted(world);
    const auto tcp = resources.get<Listener>(Type::listener, "virtualOutbound").filter_chains(0).filters(0);
    const auto http = resources.get<Listener>(Type::listener, "0.0.0.0_80").filter_chains(0).filters(0);
    const auto proxy = unpack<TcpProxy>(tcp.typed_config());
    const auto manager = unpack<HttpConnectionManager>(http.typed_config());
    Lines names;
    for (const auto& log : proxy.access_log()) names.push_back(log.name());
    for (const auto& log : manager.access_log()) names.push_back(log.name());
    return names;
  };
  CHECK(logs() == Lines{"envoy.access_loggers.stdout", "envoy.access_loggers.stdout"});
  world.settings.accessLogFile = "/dev/stderr";
  CHECK(logs() == Lines{"envoy.access_loggers.stderr", "envoy.access_loggers.stderr"});
  world.settings.accessLogFile = "/tmp/access.log";
  CHECK(logs() == Lines{"envoy.access_loggers.file", "envoy.access_loggers.file"});
  world.settings.accessLogFile = "";
  CHECK(logs().empty());
}
