#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
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
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext;
using model::Condition;
using model::MtlsMode;
namespace http_rbac = envoy::extensions::filters::http::rbac::v3;
namespace network_rbac = envoy::extensions::filters::network::rbac::v3;

namespace {

constexpr const char* kHttp = "envoy.filters.network.http_connection_manager";
constexpr const char* kTcp = "envoy.filters.network.tcp_proxy";
constexpr const char* kTcpRbac = "envoy.filters.network.rbac";

World world(model::Protocol protocol = model::Protocol::http) {
  World result;
  result.addService("default", "client", {port("p", 80, protocol, "8080")});
  return result;
}

Resources accepted(const World& w, const Proxy& proxy = sidecar()) {
  auto resources = resourcesOf(w, proxy);
  const auto refusal = envoyRefuses(resources);
  CHECK(refusal == "");
  CHECK(resources.duplicates.empty());
  return resources;
}

Listener inbound(const World& w) { return accepted(w).get<Listener>(Type::listener, "virtualInbound"); }

// The chain that Envoy picks: most specific port first, then transport, then application protocol.
const FilterChain* pick(const Listener& listener, std::uint32_t number, const std::string& transport,
                        const std::string& alpn = {}) {
  const auto hasPort = [&](const FilterChain& c) {
    return c.filter_chain_match().destination_port().value() == number;
  };
  bool known = false;
  for (const auto& chain : listener.filter_chains()) known = known || hasPort(chain);
  const FilterChain* best = nullptr;
  int score = -1;
  for (const auto& chain : listener.filter_chains()) {
    const auto& match = chain.filter_chain_match();
    if (known ? !hasPort(chain) : match.has_destination_port()) continue;
    if (!match.transport_protocol().empty() && match.transport_protocol() != transport) continue;
    const auto& protocols = match.application_protocols();
    if (!protocols.empty() && std::find(protocols.begin(), protocols.end(), alpn) == protocols.end()) continue;
    const int points = (match.transport_protocol().empty() ? 0 : 2) + (protocols.empty() ? 0 : 1);
    if (points > score) {
      score = points;
      best = &chain;
    }
  }
  return best;
}

std::vector<std::string> filters(const FilterChain* chain) {
  std::vector<std::string> names;
  if (chain) {
    for (const auto& filter : chain->filters()) names.push_back(filter.name());
  }
  return names;
}

HttpConnectionManager httpOf(const FilterChain* chain) {
  REQUIRE(chain != nullptr);
  REQUIRE(chain->filters(0).name() == kHttp);
  return unpack<HttpConnectionManager>(chain->filters(0).typed_config());
}

model::Authorization allowing(Condition permission, Condition principal) {
  model::AuthorizationFilter filter;
  filter.rules.push_back(
      {"viewer", std::move(permission), std::move(principal), {"ServiceRole", "default", "viewer", ""}});
  return {{filter}};
}

}  // namespace

TEST_CASE("PERMISSIVE: mesh mTLS, foreign TLS and plaintext each have a chain") {
  const auto listener = inbound(world());
  CHECK(listener.listener_filters(0).name() == "envoy.filters.listener.original_dst");
  CHECK(listener.listener_filters(1).name() == "envoy.filters.listener.tls_inspector");
  CHECK(listener.continue_on_listener_filters_timeout());

  const auto* mesh = pick(listener, 8080, "tls", "istio");
  REQUIRE(mesh);
  CHECK(filters(mesh) == std::vector<std::string>{kHttp});
  const auto tls = unpack<DownstreamTlsContext>(mesh->transport_socket().typed_config());
  CHECK(tls.require_client_certificate().value());
  const auto& common = tls.common_tls_context();
  CHECK(common.combined_validation_context()
            .default_validation_context()
            .match_typed_subject_alt_names(0)
            .matcher()
            .prefix() == "spiffe://cluster.local/");
  CHECK(std::vector<std::string>(common.alpn_protocols().begin(), common.alpn_protocols().end()) ==
        std::vector<std::string>{"h2", "http/1.1"});

  const auto* foreign = pick(listener, 8080, "tls", "h2");
  REQUIRE(foreign);
  CHECK_FALSE(foreign->has_transport_socket());
  CHECK(filters(foreign) == std::vector<std::string>{kTcp});
  const auto* plain = pick(listener, 8080, "raw_buffer");
  REQUIRE(plain);
  CHECK_FALSE(plain->has_transport_socket());
  CHECK(filters(plain) == std::vector<std::string>{kHttp});
}

TEST_CASE("STRICT: only mTLS, whatever the application protocol; plaintext has no chain") {
  auto w = world();
  w.peers.mode = MtlsMode::strict;
  const auto listener = inbound(w);
  const auto* mesh = pick(listener, 8080, "tls", "h2");
  REQUIRE(mesh);
  CHECK(mesh->has_transport_socket());
  CHECK(mesh == pick(listener, 8080, "tls", "istio"));
  CHECK(pick(listener, 8080, "raw_buffer") == nullptr);
  CHECK(pick(listener, 9999, "raw_buffer") == nullptr);
}

TEST_CASE("DISABLE: plain, and not looked into") {
  auto w = world();
  w.peers.ports[8080] = MtlsMode::disable;
  const auto listener = inbound(w);
  const auto* plain = pick(listener, 8080, "raw_buffer");
  CHECK(plain == pick(listener, 8080, "tls", "istio"));
  CHECK_FALSE(plain->has_transport_socket());
  CHECK(listener.listener_filters(1).filter_disabled().destination_port_range().start() == 8080);
  w.peers.ports[8081] = MtlsMode::disable;
  CHECK(inbound(w).listener_filters(1).filter_disabled().or_match().rules_size() == 2);
  w.peers.mode = MtlsMode::disable;
  CHECK(inbound(w).listener_filters_size() == 1);  // nothing left to look for
}

TEST_CASE("ports have modes of their own, with or without a service") {
  auto w = world();
  w.peers.mode = MtlsMode::strict;
  w.peers.ports[8080] = MtlsMode::permissive;
  w.peers.ports[9000] = MtlsMode::disable;
  const auto listener = inbound(w);
  CHECK(pick(listener, 8080, "raw_buffer") != nullptr);
  CHECK(pick(listener, 9000, "raw_buffer") != nullptr);
  CHECK(pick(listener, 9001, "raw_buffer") == nullptr);
}

TEST_CASE("the app is reached at the address that the peer chose, from a source that is let through") {
  const auto resources = accepted(world());
  const auto c = resources.get<Cluster>(Type::cluster, "inbound|8080||");
  CHECK(c.type() == Cluster::ORIGINAL_DST);
  CHECK(c.upstream_bind_config().source_address().address() == "127.0.0.6");
  CHECK(resources.has(Type::cluster, "InboundPassthroughCluster"));
  const auto listener = resources.get<Listener>(Type::listener, "virtualInbound");
  const auto http = httpOf(pick(listener, 8080, "raw_buffer"));
  CHECK(http.route_config().name() == "inbound|8080||");
  CHECK(http.route_config().virtual_hosts(0).name() == "inbound|http|80");
  CHECK(http.route_config().virtual_hosts(0).routes(0).route().cluster() == "inbound|8080||");
  // A connection to the listener's own port must not come back.
  CHECK(unpack<TcpProxy>(pick(listener, 15006, "raw_buffer")->filters(0).typed_config()).cluster() ==
        "BlackHoleCluster");
}

TEST_CASE("ports without a service pass through, checked as connections") {
  auto w = world();
  w.authorization[0] = allowing(Condition::anything(), Condition::anything());
  const auto listener = inbound(w);
  for (const auto& [transport, alpn] : {std::pair("tls", "istio"), {"tls", "h2"}, {"raw_buffer", ""}}) {
    const auto* chain = pick(listener, 12345, transport, alpn);
    REQUIRE(chain);
    CHECK(filters(chain) == std::vector<std::string>{kTcpRbac, kTcp});
    CHECK(unpack<TcpProxy>(chain->filters(1).typed_config()).cluster() == "InboundPassthroughCluster");
  }
}

TEST_CASE("HTTP ports are authorised by requests, and foreign TLS to them by connections") {
  auto w = world();
  w.authorization[8080] = allowing(
      Condition::textual(Condition::Op::path, {model::StringMatcher::Type::exact, "/a", false}), Condition::anything());
  const auto listener = inbound(w);
  const auto http = httpOf(pick(listener, 8080, "tls", "istio"));
  REQUIRE(http.http_filters_size() == 2);
  CHECK(http.http_filters(0).name() == "envoy.filters.http.rbac");
  CHECK(http.http_filters(1).name() == "envoy.filters.http.router");
  // What is inside foreign TLS cannot be seen: the rule about paths opens nothing there.
  const auto* foreign = pick(listener, 8080, "tls", "h2");
  CHECK(filters(foreign) == std::vector<std::string>{kTcpRbac, kTcp});
  const auto rbac = unpack<network_rbac::RBAC>(foreign->filters(0).typed_config());
  CHECK(rbac.has_rules());
  CHECK(rbac.rules().policies().empty());
  CHECK(foreign->metadata()
            .filter_metadata()
            .at("fairway")
            .fields()
            .at("rbac")
            .struct_value()
            .fields()
            .at("viewer")
            .string_value() == "ServiceRole/default/viewer");
}

TEST_CASE("CVE-2021-31920: paths are made canonical strictly where a rule looks at them, and only there") {
  auto w = world();
  auto http = httpOf(pick(inbound(w), 8080, "raw_buffer"));
  CHECK(http.normalize_path().value());
  CHECK_FALSE(http.merge_slashes());
  w.authorization[8080] = allowing(
      Condition::textual(Condition::Op::path, {model::StringMatcher::Type::exact, "/a", false}), Condition::anything());
  http = httpOf(pick(inbound(w), 8080, "raw_buffer"));
  CHECK(http.merge_slashes());
  CHECK(http.path_with_escaped_slashes_action() == HttpConnectionManager::REJECT_REQUEST);
}

TEST_CASE("the peer's identity goes on to the app over mTLS, and a forged one does not over plaintext") {
  const auto listener = inbound(world());
  CHECK(httpOf(pick(listener, 8080, "tls", "istio")).forward_client_cert_details() ==
        HttpConnectionManager::APPEND_FORWARD);
  CHECK(httpOf(pick(listener, 8080, "raw_buffer")).forward_client_cert_details() == HttpConnectionManager::SANITIZE);
}

TEST_CASE("where nobody knows which tokens are asked for requests are refused, in every chain") {
  auto w = world();
  w.tokens.refuse = {"Policy", "default", "jwt", ""};
  const auto listener = inbound(w);
  for (const auto& [transport, alpn] : {std::pair("tls", "istio"), {"raw_buffer", ""}}) {
    const auto http = httpOf(pick(listener, 8080, transport, alpn));
    const auto rbac = unpack<http_rbac::RBAC>(http.http_filters(0).typed_config());
    CHECK(rbac.rules().action() == envoy::config::rbac::v3::RBAC::DENY);
    CHECK(rbac.rules().policies().contains("Policy/default/jwt"));
  }
  const auto* foreign = pick(listener, 8080, "tls", "h2");
  CHECK(unpack<TcpProxy>(foreign->filters(1).typed_config()).cluster() == "BlackHoleCluster");
  // Only requests need tokens.
  auto tcp = world(model::Protocol::tcp);
  tcp.tokens.refuse = {"Policy", "default", "jwt", ""};
  CHECK(filters(pick(inbound(tcp), 8080, "raw_buffer")) == std::vector<std::string>{kTcp});
}

TEST_CASE("TCP ports") {
  auto w = world(model::Protocol::tcp);
  const auto listener = inbound(w);
  CHECK(filters(pick(listener, 8080, "tls", "istio")) == std::vector<std::string>{kTcp});
  CHECK(pick(listener, 8080, "tls", "istio")->has_transport_socket());
  CHECK(unpack<TcpProxy>(pick(listener, 8080, "raw_buffer")->filters(0).typed_config()).cluster() == "inbound|8080||");
}

TEST_CASE("several services on one workload port: the first host decides how it is read") {
  auto w = world();
  w.addService("default", "zweite", {port("tcp", 81, model::Protocol::tcp, "8080")}).selector = {{"app", "client"}};
  const auto resources = accepted(w);
  const auto listener = resources.get<Listener>(Type::listener, "virtualInbound");
  CHECK(filters(pick(listener, 8080, "raw_buffer")) == std::vector<std::string>{kHttp});
  CHECK(resources.noted("Service/default/zweite", "client.default.svc.cluster.local"));
}

TEST_CASE("a target port by a name that the workload does not have") {
  auto w = world();
  w.services[hostOf("default", "client")].ports = {port("http", 80, model::Protocol::http, "web")};
  const auto resources = accepted(w);
  CHECK(resources.noted("Service/default/client", "'web'"));
}

TEST_CASE("without interception each workload port has a listener at each address of the pod") {
  auto w = world();
  w.peers.mode = MtlsMode::strict;
  auto proxy = bareSidecar();
  proxy.appAddress = "127.0.2.9";
  proxy.ips = {"127.0.0.9", "::1"};
  const auto resources = accepted(w, proxy);
  const auto listener = resources.get<Listener>(Type::listener, "inbound_127.0.0.9_8080");
  CHECK(listener.address().socket_address().address() == "127.0.0.9");
  REQUIRE(listener.filter_chains_size() == 1);
  CHECK(listener.filter_chains(0).filter_chain_match().transport_protocol() == "tls");
  CHECK_FALSE(listener.filter_chains(0).filter_chain_match().has_destination_port());
  CHECK(resources.has(Type::listener, "inbound_::1_8080"));
  const auto c = resources.get<Cluster>(Type::cluster, "inbound|8080||");
  CHECK(c.load_assignment().endpoints(0).lb_endpoints(0).endpoint().address().socket_address().address() ==
        "127.0.2.9");
  CHECK_FALSE(c.has_upstream_bind_config());
  CHECK_FALSE(resources.has(Type::listener, "virtualInbound"));
}

TEST_CASE("an unprivileged proxy without interception has no inbound listener at a low port") {
  auto w = world();
  w.services[hostOf("default", "client")].ports = {port("http", 80, model::Protocol::http)};
  auto proxy = bareSidecar();
  proxy.unprivileged = true;
  const auto resources = accepted(w, proxy);
  CHECK_FALSE(resources.has(Type::listener, "inbound_127.0.0.9_80"));
  CHECK(resources.noted("Service/default/client", "1024"));
}

TEST_CASE("a machine has its entry's labels, and its ports by the names of the services'") {
  auto w = world();
  w.services[hostOf("default", "client")].ports = {port("http", 80, model::Protocol::http, "80"),
                                                   port("admin", 81, model::Protocol::http, "9000"),
                                                   port("named", 82, model::Protocol::tcp, "web")};
  w.machine.emplace();
  w.machine->serviceAccount = "client";
  w.machine->labels = {{"app", "client"}};
  w.machine->namedPorts = {{"http", 8080}, {"web", 1234}};
  auto proxy = bareSidecar();
  proxy.labels = {{"app", "claimed"}};
  proxy.appAddress = "127.0.2.9";
  const auto resources = accepted(w, proxy);
  for (const auto* number : {"8080", "9000", "82"}) {
    CAPTURE(number);
    CHECK(resources.has(Type::listener, "inbound_127.0.0.9_" + std::string(number)));
    CHECK(resources.has(Type::cluster, "inbound|" + std::string(number) + "||"));
  }
  CHECK_FALSE(resources.has(Type::listener, "inbound_127.0.0.9_80"));
  CHECK_FALSE(resources.has(Type::listener, "inbound_127.0.0.9_1234"));
  w.machine.reset();
  CHECK_FALSE(accepted(w, proxy).has(Type::listener, "inbound_127.0.0.9_8080"));
}
