#include "translate/gateway.h"

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
using envoy::config::listener::v3::FilterChain;
using envoy::config::listener::v3::Listener;
using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::VirtualHost;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using envoy::extensions::transport_sockets::tls::v3::DownstreamTlsContext;
using model::GatewayServer;
using model::GatewayTls;

namespace {

const std::string kPortal = hostOf("onap", "portal");

GatewayServer server(const std::string& name, std::uint32_t number, model::Protocol protocol,
                     std::vector<std::string> hosts, int index = 0) {
  GatewayServer result;
  result.name = name;
  result.port = number;
  result.protocol = protocol;
  for (auto& host : hosts) result.hosts.push_back({"*", host});
  result.provenance = {"Gateway", "onap", "portal", "servers[" + std::to_string(index) + "]"};
  return result;
}

GatewayServer tlsServer(const std::string& name, std::vector<std::string> hosts, const std::string& credential,
                        int index = 0, GatewayTls::Mode mode = GatewayTls::Mode::simple) {
  auto result = server(name, 443, model::Protocol::https, std::move(hosts), index);
  result.tls = GatewayTls{};
  result.tls->mode = mode;
  result.tls->credentialName = credential;
  return result;
}

model::HttpRoute toPortal() {
  model::HttpRoute route;
  model::HttpRoute::Weighted weighted;
  weighted.destination = {kPortal, 80, {}, false};
  weighted.weight = 100;
  route.destinations.push_back(weighted);
  route.provenance = {"VirtualService", "onap", "portal", "http[0]"};
  return route;
}

model::L4Route l4ToPortal(std::vector<std::string> names) {
  model::L4Route route;
  route.sniHosts = std::move(names);
  route.destinations.push_back({{kPortal, 80, {}, false}, 100});
  route.provenance = {"VirtualService", "onap", "portal", "tls[0]"};
  return route;
}

World world() {
  World result;
  result.addService("onap", "portal", {port("http", 80, model::Protocol::http, "8080")});
  result.addService("onap", "unrouted", {port("http", 80, model::Protocol::http, "8080")});
  auto& ingress = result.addService(
      "istio-system", "ingress",
      {port("http2", 80, model::Protocol::http2, "8080"), port("https", 443, model::Protocol::https, "8443")});
  ingress.selector = {{"istio", "ingressgateway"}};
  result.credentials[{"istio-system", "cert"}] = {"chain", "key", ""};
  return result;
}

Resources accepted(const World& w, const Proxy& proxy = gatewayProxy()) {
  auto resources = resourcesOf(w, proxy);
  const auto refusal = envoyRefuses(resources);
  CHECK(refusal == "");
  CHECK(resources.duplicates.empty());
  return resources;
}

HttpConnectionManager httpOf(const FilterChain& chain) {
  return unpack<HttpConnectionManager>(chain.filters(chain.filters_size() - 1).typed_config());
}
DownstreamTlsContext tlsOf(const FilterChain& chain) {
  return unpack<DownstreamTlsContext>(chain.transport_socket().typed_config());
}
std::vector<std::string> serverNames(const FilterChain& chain) {
  const auto& names = chain.filter_chain_match().server_names();
  return {names.begin(), names.end()};
}

}  // namespace

TEST_CASE("a gateway believes the proxies in front of it that it is told of") {
  auto w = world();
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"portal.example.com"})};
  w.gatewayRoutes[{80, ""}].hosts = {{"portal.example.com", false, {true, {toPortal()}, {}, {}}}};
  auto proxy = gatewayProxy();
  proxy.topology = GatewayTopology{2, GatewayTopology::ClientCertificate::append_forward, true};
  const auto resources = accepted(w, proxy);
  const auto listener = resources.get<Listener>(Type::listener, "0.0.0.0_8080");
  REQUIRE(listener.listener_filters_size() == 1);
  CHECK(listener.listener_filters(0).name() == "envoy.filters.listener.proxy_protocol");
  const auto http = httpOf(listener.filter_chains(0));
  CHECK(http.use_remote_address().value());
  CHECK(http.xff_num_trusted_hops() == 2);
  CHECK(http.forward_client_cert_details() == HttpConnectionManager::APPEND_FORWARD);
}

TEST_CASE("the mesh's topology is for gateways that have none of their own") {
  auto w = world();
  w.settings.gatewayTopology = {.trustedProxies = 3, .proxyProtocol = true};
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"portal.example.com"})};
  w.gatewayRoutes[{80, ""}].hosts = {{"portal.example.com", false, {true, {toPortal()}, {}, {}}}};
  auto proxy = gatewayProxy();
  const auto listenerOf = [&] { return accepted(w, proxy).get<Listener>(Type::listener, "0.0.0.0_8080"); };
  CHECK(httpOf(listenerOf().filter_chains(0)).xff_num_trusted_hops() == 3);
  CHECK(listenerOf().listener_filters_size() == 1);
  // As a whole: what it leaves out is not taken from the mesh's.
  proxy.topology = GatewayTopology{.trustedProxies = 1};
  CHECK(httpOf(listenerOf().filter_chains(0)).xff_num_trusted_hops() == 1);
  CHECK(listenerOf().listener_filters_size() == 0);
  proxy.topology = GatewayTopology{};
  CHECK(httpOf(listenerOf().filter_chains(0)).xff_num_trusted_hops() == 0);
}

TEST_CASE("a plain server listens at the target port of the gateway's service") {
  auto w = world();
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"portal.example.com"})};
  w.gatewayRoutes[{80, ""}].hosts = {{"portal.example.com", false, {true, {toPortal()}, {}, {}}}};
  const auto resources = accepted(w);
  const auto listener = resources.get<Listener>(Type::listener, "0.0.0.0_8080");
  CHECK(listener.address().socket_address().address() == "0.0.0.0");
  CHECK(listener.address().socket_address().port_value() == 8080);
  const auto http = httpOf(listener.filter_chains(0));
  CHECK(http.rds().route_config_name() == "http.80");
  CHECK(http.use_remote_address().value());
  CHECK(http.forward_client_cert_details() == HttpConnectionManager::SANITIZE_SET);

  const auto table = resources.get<RouteConfiguration>(Type::route, "http.80");
  CHECK_FALSE(table.has_vhds());
  REQUIRE(table.virtual_hosts_size() == 1);
  CHECK(table.virtual_hosts(0).name() == "portal.example.com:80");
  CHECK(table.virtual_hosts(0).routes(0).route().cluster() == "outbound|80||" + kPortal);
  CHECK(table.request_headers_to_remove(0) == "x-istio-attributes");
  CHECK(resources.byType.at(Type::route).at("http.80")->provenance.front().name == "portal");
  // Only clusters that a route names.
  CHECK(resources.has(Type::cluster, "outbound|80||" + kPortal));
  CHECK_FALSE(resources.has(Type::cluster, "outbound|80||" + hostOf("onap", "unrouted")));
}

TEST_CASE("a gateway has the clusters of those that it asks about requests, routed to or not") {
  auto w = world();
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"*"})};
  model::AuthorizationFilter filter;
  filter.action = model::AuthorizationFilter::Action::external;
  filter.rules.push_back({"all", {}, {}, {"AuthorizationPolicy", "istio-system", "ask", {}}});
  auto& authorizer = filter.authorizer.emplace();
  authorizer.name = "opa";
  authorizer.host = hostOf("onap", "unrouted");
  authorizer.port = 80;
  authorizer.timeout = std::chrono::seconds(1);
  w.authorization[8080].filters = {filter};
  CHECK(accepted(w).has(Type::cluster, "outbound|80||" + hostOf("onap", "unrouted")));
}

TEST_CASE("a server port that no service has stands for itself") {
  auto w = world();
  w.gateway.servers = {server("http", 8888, model::Protocol::http, {"*"})};
  const auto resources = accepted(w);
  CHECK(resources.has(Type::listener, "0.0.0.0_8888"));
  // Without routes the table is there all the same: unknown hosts are answered 404.
  CHECK(resources.get<RouteConfiguration>(Type::route, "http.8888").virtual_hosts().empty());
}

TEST_CASE("httpsRedirect") {
  auto w = world();
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"portal.example.com"})};
  w.gateway.servers[0].httpsRedirect = true;
  w.gatewayRoutes[{80, ""}].hosts = {{"portal.example.com", true, {true, {}, {}, {}}}};
  const auto table = accepted(w).get<RouteConfiguration>(Type::route, "http.80");
  CHECK(table.virtual_hosts(0).require_tls() == VirtualHost::ALL);
}

TEST_CASE("HTTPS servers are chosen by server name, each with its table and certificate") {
  auto w = world();
  w.credentials[{"istio-system", "other"}] = {"chain2", "key2", ""};
  w.gateway.servers = {tlsServer("https-a", {"a.example.com"}, "cert", 0),
                       tlsServer("https-b", {"*.b.example.com"}, "other", 1)};
  w.gatewayRoutes[{443, "Gateway/onap/portal servers[0]"}].hosts = {
      {"a.example.com", false, {true, {toPortal()}, {}, {}}}};
  const auto resources = accepted(w);
  const auto listener = resources.get<Listener>(Type::listener, "0.0.0.0_8443");
  REQUIRE(listener.filter_chains_size() == 2);
  CHECK(serverNames(listener.filter_chains(0)) == std::vector<std::string>{"a.example.com"});
  CHECK(httpOf(listener.filter_chains(0)).rds().route_config_name() == "https.443.https-a.portal.onap");
  const auto tls = tlsOf(listener.filter_chains(0));
  CHECK_FALSE(tls.require_client_certificate().value());
  const auto& secret = tls.common_tls_context().tls_certificate_sds_secret_configs(0);
  CHECK(secret.name() == "kubernetes://cert");
  CHECK(secret.sds_config().has_ads());
  CHECK(resources.names(Type::secret) == std::vector<std::string>{"kubernetes://cert", "kubernetes://other"});
  CHECK(resources.get<RouteConfiguration>(Type::route, "https.443.https-a.portal.onap").virtual_hosts_size() == 1);
}

TEST_CASE("two servers of one port name have two tables") {
  auto w = world();
  w.gateway.servers = {tlsServer("https", {"a.example.com"}, "cert", 0),
                       tlsServer("https", {"b.example.com"}, "cert", 1)};
  const auto resources = accepted(w);
  CHECK(resources.names(Type::route) ==
        std::vector<std::string>{"https.443.https.portal.onap", "https.443.https.portal.onap.2"});
}

TEST_CASE("a missing certificate costs its own server only") {
  auto w = world();
  w.gateway.servers = {tlsServer("a", {"a.example.com"}, "gone", 0), tlsServer("b", {"b.example.com"}, "cert", 1)};
  const auto resources = accepted(w);
  const auto listener = resources.get<Listener>(Type::listener, "0.0.0.0_8443");
  REQUIRE(listener.filter_chains_size() == 1);
  CHECK(serverNames(listener.filter_chains(0)) == std::vector<std::string>{"b.example.com"});
  CHECK(resources.noted("Gateway/onap/portal servers[0]", "there is no secret istio-system/gone"));
  w.brokenSecrets = {{"istio-system", "gone"}};
  CHECK(accepted(w).noted("Gateway/onap/portal servers[0]", "secret istio-system/gone holds no certificate and key"));
  // With the field of the object that names it.
  w.gateway.servers[0].provenance = {"Ingress", "onap", "shop", "tls[0]"};
  w.gateway.servers[0].tls->credentialField = "secretName";
  for (const auto& note : accepted(w).notes) {
    if (note.object.kind == "Ingress") CHECK(note.field == "secretName");
  }
}

TEST_CASE("a renewed certificate changes its secret and nothing else") {
  auto w = world();
  w.gateway.servers = {tlsServer("a", {"a.example.com"}, "cert")};
  const auto before = resourcesOf(w, gatewayProxy());
  w.credentials[{"istio-system", "cert"}] = {"renewed chain", "renewed key", ""};
  const auto after = resourcesOf(w, gatewayProxy());
  std::vector<std::string> changed;
  for (const auto& [type, resources] : after.byType) {
    for (const auto& [name, resource] : resources) {
      if (!(*resource == *before.byType.at(type).at(name))) changed.push_back(name);
    }
  }
  CHECK(changed == std::vector<std::string>{"kubernetes://cert"});
}

// CVE-2021-34824: secrets of another namespace reached gateways.
TEST_CASE("CVE-2021-34824: a credential is looked for in the namespace of the gateway alone") {
  auto w = world();
  w.credentials = {{{"onap", "cert"}, {"chain", "key", ""}}};  // beside the Gateway, not beside its pods
  w.gateway.servers = {tlsServer("a", {"a.example.com"}, "cert")};
  const auto resources = accepted(w);
  CHECK(resources.names(Type::secret).empty());
  CHECK(resources.names(Type::listener).empty());
}

TEST_CASE("prefixes by whole elements") {
  auto w = world();
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"*"})};
  auto route = toPortal();
  route.matches.emplace_back();
  route.matches[0].uri = model::StringMatcher{model::StringMatcher::Type::prefix, "/a", false};
  route.matches[0].wholeElements = true;
  w.gatewayRoutes[{80, ""}].hosts = {{"*", false, {true, {route}, {}, {}}}};
  const auto table = accepted(w).get<RouteConfiguration>(Type::route, "http.80");
  CHECK(table.virtual_hosts(0).routes(0).match().path_separated_prefix() == "/a");
}

TEST_CASE("MUTUAL needs roots, and asks for a client certificate") {
  auto w = world();
  w.gateway.servers = {tlsServer("a", {"a.example.com"}, "cert", 0, GatewayTls::Mode::mutual)};
  auto resources = accepted(w);
  CHECK_FALSE(resources.has(Type::listener, "0.0.0.0_8443"));
  CHECK(resources.noted("Gateway/onap/portal servers[0]", "ca.crt"));
  w.credentials[{"istio-system", "cert"}].caCertificates = "roots";
  w.gateway.servers[0].tls->subjectAltNames = {"client.example.com"};
  resources = accepted(w);
  const auto tls = tlsOf(resources.get<Listener>(Type::listener, "0.0.0.0_8443").filter_chains(0));
  CHECK(tls.require_client_certificate().value());
  CHECK(tls.common_tls_context().combined_validation_context().validation_context_sds_secret_config().name() ==
        "kubernetes://cert-cacert");
  CHECK(resources.has(Type::secret, "kubernetes://cert-cacert"));
  w.gateway.servers[0].tls->mode = GatewayTls::Mode::optional_mutual;
  const auto optional = tlsOf(accepted(w).get<Listener>(Type::listener, "0.0.0.0_8443").filter_chains(0));
  CHECK_FALSE(optional.require_client_certificate().value());
  CHECK(optional.common_tls_context().has_combined_validation_context());
}

TEST_CASE("ISTIO_MUTUAL takes the workload's own certificate") {
  auto w = world();
  w.gateway.servers = {tlsServer("a", {"a.example.com"}, "", 0, GatewayTls::Mode::mesh)};
  const auto tls = tlsOf(accepted(w).get<Listener>(Type::listener, "0.0.0.0_8443").filter_chains(0));
  CHECK(tls.common_tls_context().tls_certificate_sds_secret_configs(0).name() == "default");
  CHECK(tls.require_client_certificate().value());
}

TEST_CASE("TLS settings that Envoy would refuse are left out") {
  auto w = world();
  w.gateway.servers = {tlsServer("a", {"a.example.com"}, "cert")};
  auto& tls = *w.gateway.servers[0].tls;
  tls.minVersion = "TLSv1_3";
  tls.maxVersion = "TLSv1_2";
  tls.cipherSuites = {"ECDHE-RSA-AES128-GCM-SHA256", "NO-SUCH-SUITE"};
  const auto resources = accepted(w);
  const auto parameters =
      tlsOf(resources.get<Listener>(Type::listener, "0.0.0.0_8443").filter_chains(0)).common_tls_context().tls_params();
  CHECK(parameters.cipher_suites_size() == 1);
  CHECK(resources.noted("Gateway/onap/portal servers[0]", "NO-SUCH-SUITE"));
}

TEST_CASE("PASSTHROUGH routes by server name without looking inside") {
  auto w = world();
  w.gateway.servers = {tlsServer("tls", {"a.example.com"}, "", 0, GatewayTls::Mode::passthrough)};
  w.gateway.servers[0].protocol = model::Protocol::tls;
  w.gatewayRoutes[{443, "Gateway/onap/portal servers[0]"}].tls = {l4ToPortal({"a.example.com"})};
  const auto resources = accepted(w);
  const auto chain = resources.get<Listener>(Type::listener, "0.0.0.0_8443").filter_chains(0);
  CHECK_FALSE(chain.has_transport_socket());
  CHECK(serverNames(chain) == std::vector<std::string>{"a.example.com"});
  CHECK(unpack<TcpProxy>(chain.filters(0).typed_config()).cluster() == "outbound|80||" + kPortal);
  CHECK(resources.has(Type::cluster, "outbound|80||" + kPortal));
}

TEST_CASE("TCP servers, plain and behind TLS") {
  auto w = world();
  w.gateway.servers = {tlsServer("tls", {"a.example.com"}, "cert", 0),
                       server("tcp", 31400, model::Protocol::tcp, {"*"}, 1)};
  w.gateway.servers[0].protocol = model::Protocol::tls;
  w.gatewayRoutes[{443, "Gateway/onap/portal servers[0]"}].tcp = {l4ToPortal({})};
  w.gatewayRoutes[{31400, "Gateway/onap/portal servers[1]"}].tcp = {l4ToPortal({})};
  const auto resources = accepted(w);
  CHECK(resources.get<Listener>(Type::listener, "0.0.0.0_8443").filter_chains(0).has_transport_socket());
  CHECK(resources.has(Type::listener, "0.0.0.0_31400"));
  w.gatewayRoutes[{31400, "Gateway/onap/portal servers[1]"}].tcp[0].destinations[0].destination.missing = true;
  const auto broken = accepted(w).get<Listener>(Type::listener, "0.0.0.0_31400");
  CHECK(unpack<TcpProxy>(broken.filter_chains(0).filters(0).typed_config()).cluster() == "BlackHoleCluster");
  w.gatewayRoutes.clear();
  CHECK(accepted(w).names(Type::listener).empty());  // nobody would answer
}

TEST_CASE("plain HTTP and TLS hosts at one workload port") {
  auto w = world();
  w.gateway.servers = {server("http", 8443, model::Protocol::http, {"*"}, 1), tlsServer("https", {"*"}, "cert", 0),
                       tlsServer("again", {"*"}, "cert", 2), server("tcp", 8443, model::Protocol::tcp, {"*"}, 3)};
  w.gatewayRoutes[{8443, "Gateway/onap/portal servers[3]"}].tcp = {l4ToPortal({})};
  const auto resources = accepted(w);
  const auto listener = resources.get<Listener>(Type::listener, "0.0.0.0_8443");
  REQUIRE(listener.filter_chains_size() == 2);
  CHECK(listener.filter_chains(0).filter_chain_match().transport_protocol() == "raw_buffer");
  CHECK(listener.filter_chains(1).filter_chain_match().transport_protocol() == "tls");
  CHECK(resources.noted("Gateway/onap/portal servers[2]", "every TLS host"));
  CHECK(resources.noted("Gateway/onap/portal servers[3]", "taken by"));
}

TEST_CASE("without interception a gateway listens at its own addresses") {
  auto w = world();
  w.gateway.servers = {server("http", 8000, model::Protocol::http, {"*"})};
  auto proxy = gatewayProxy();
  proxy.interception = Interception::none;
  proxy.ips = {"127.0.0.7", "127.0.0.8"};
  const auto listener = accepted(w, proxy).get<Listener>(Type::listener, "0.0.0.0_8000");
  CHECK(listener.address().socket_address().address() == "127.0.0.7");
  CHECK(listener.additional_addresses(0).address().socket_address().address() == "127.0.0.8");
  w.gateway.servers[0].bind = "127.0.0.9";
  CHECK(accepted(w, proxy).get<Listener>(Type::listener, "127.0.0.9_8000").address().socket_address().address() ==
        "127.0.0.9");
}

TEST_CASE("an unprivileged gateway leaves low ports out") {
  auto w = world();
  w.gateway.servers = {server("http", 81, model::Protocol::http, {"*"})};
  auto proxy = gatewayProxy();
  proxy.unprivileged = true;
  const auto resources = accepted(w, proxy);
  CHECK(resources.names(Type::listener).empty());
  CHECK(resources.noted("Gateway/onap/portal", "1024"));
}

TEST_CASE("gateways are authorised, too; paths strictly where a rule looks at them") {
  auto w = world();
  w.gateway.servers = {server("http", 80, model::Protocol::http, {"*"})};
  auto http = httpOf(accepted(w).get<Listener>(Type::listener, "0.0.0.0_8080").filter_chains(0));
  CHECK(http.normalize_path().value());
  CHECK_FALSE(http.merge_slashes());
  model::AuthorizationFilter deny;
  deny.action = model::AuthorizationFilter::Action::deny;
  deny.rules = {
      {"no",
       model::Condition::textual(model::Condition::Op::path, {model::StringMatcher::Type::prefix, "/admin", false}),
       {},
       {"AuthorizationPolicy", "istio-system", "no", "rules[0]"}}};
  w.authorization[8080] = {{deny}};
  http = httpOf(accepted(w).get<Listener>(Type::listener, "0.0.0.0_8080").filter_chains(0));
  CHECK(http.http_filters(0).name() == "envoy.filters.http.rbac");
  CHECK(http.merge_slashes());
  CHECK(http.path_with_escaped_slashes_action() == HttpConnectionManager::REJECT_REQUEST);
}
