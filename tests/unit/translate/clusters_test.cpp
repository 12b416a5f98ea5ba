#include "translate/clusters.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/transport_sockets/proxy_protocol/v3/upstream_proxy_protocol.pb.h>
#include <envoy/extensions/transport_sockets/tls/v3/tls.pb.h>
#include <envoy/extensions/upstreams/http/v3/http_protocol_options.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::cluster::v3::Cluster;
using envoy::extensions::transport_sockets::tls::v3::UpstreamTlsContext;
using envoy::extensions::upstreams::http::v3::HttpProtocolOptions;
using model::TrafficPolicy;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::string kHost = hostOf("default", "reviews");
const std::string kName = "outbound|80||" + kHost;

World world(model::Protocol protocol = model::Protocol::http) {
  World result;
  result.addService("default", "reviews", {port("http", 80, protocol)});
  result.addEndpoint(kHost, 80, "10.244.0.1", 8080);
  return result;
}

Cluster cluster(const World& w, const Proxy& proxy = sidecar(), const std::string& name = kName) {
  const auto resources = resourcesOf(w, proxy);
  const auto refusal = envoyRefuses(resources);
  CHECK(refusal == "");
  return resources.get<Cluster>(Type::cluster, name);
}

HttpProtocolOptions httpOf(const Cluster& c) {
  return unpack<HttpProtocolOptions>(
      c.typed_extension_protocol_options().at("envoy.extensions.upstreams.http.v3.HttpProtocolOptions"));
}

UpstreamTlsContext tlsOf(const envoy::config::core::v3::TransportSocket& socket) {
  return unpack<UpstreamTlsContext>(socket.typed_config());
}

std::vector<std::string> alpnOf(const UpstreamTlsContext& context) {
  const auto& names = context.common_tls_context().alpn_protocols();
  return {names.begin(), names.end()};
}

std::vector<std::string> sansOf(const UpstreamTlsContext& context) {
  std::vector<std::string> names;
  const auto& common = context.common_tls_context();
  const auto& validation = common.has_combined_validation_context()
                               ? common.combined_validation_context().default_validation_context()
                               : common.validation_context();
  for (const auto& san : validation.match_typed_subject_alt_names()) names.push_back(san.matcher().exact());
  return names;
}

}  // namespace

TEST_CASE("a service port is an EDS cluster over ADS") {
  const auto c = cluster(world());
  CHECK(c.type() == Cluster::EDS);
  CHECK(c.eds_cluster_config().eds_config().has_ads());
  CHECK(c.lb_policy() == Cluster::LEAST_REQUEST);
  CHECK(c.connect_timeout().seconds() == 10);
  CHECK(c.circuit_breakers().thresholds(0).max_connections().value() == 4294967295u);
  CHECK(c.common_lb_config().healthy_panic_threshold().value() == 0);
}

TEST_CASE("the upstream protocol follows the port") {
  CHECK(httpOf(cluster(world(model::Protocol::grpc))).explicit_http_config().has_http2_protocol_options());
  CHECK(cluster(world(model::Protocol::tcp)).typed_extension_protocol_options().empty());
  CHECK(
      cluster(world(model::Protocol::http)).typed_extension_protocol_options().empty());  // HTTP/1.1 is Envoy's default
  auto w = world();
  w.policies[{kHost, 80}].policy.pool.upgradeToHttp2 = true;
  CHECK(httpOf(cluster(w)).explicit_http_config().has_http2_protocol_options());
  w.policies[{kHost, 80}].policy.pool.useClientProtocol = true;
  CHECK(httpOf(cluster(w)).has_use_downstream_protocol_config());
}

TEST_CASE("automatic mTLS goes to the endpoints that take it, by the identity of the service") {
  const auto c = cluster(world());
  REQUIRE(c.transport_socket_matches_size() == 1);
  CHECK(c.transport_socket_matches(0).match().fields().at("tlsMode").string_value() == "istio");
  const auto context = tlsOf(c.transport_socket_matches(0).transport_socket());
  CHECK(context.sni() == "outbound_.80_._." + kHost);
  CHECK(sansOf(context) == std::vector<std::string>{"spiffe://cluster.local/ns/default/sa/reviews"});
  CHECK(alpnOf(context) == std::vector<std::string>{"istio", "http/1.1"});
  const auto& common = context.common_tls_context();
  CHECK(common.tls_certificate_sds_secret_configs(0).name() == "default");
  CHECK(common.combined_validation_context().validation_context_sds_secret_config().name() == "ROOTCA");
  CHECK(common.tls_params().tls_minimum_protocol_version() ==
        envoy::extensions::transport_sockets::tls::v3::TlsParameters::TLSv1_2);
  CHECK_FALSE(c.has_transport_socket());  // others get plaintext
}

TEST_CASE("CVE-2021-32574: the client checks the server's identity, and with none known trusts nobody") {
  auto w = world();
  w.identities.clear();
  const auto context = tlsOf(cluster(w).transport_socket_matches(0).transport_socket());
  REQUIRE(sansOf(context).size() == 1);
  CHECK(sansOf(context).front().find("spiffe://cluster.local/") == std::string::npos);
}

TEST_CASE("mode ISTIO_MUTUAL is mTLS always") {
  auto w = world(model::Protocol::http2);
  auto& tls = w.policies[{kHost, 80}].policy.tls;
  tls.mode = TrafficPolicy::Tls::Mode::mesh;
  auto c = cluster(w);
  CHECK(c.transport_socket_matches().empty());
  CHECK(alpnOf(tlsOf(c.transport_socket())) == std::vector<std::string>{"istio", "h2"});
  tls.subjectAltNames = {"spiffe://cluster.local/ns/a/sa/b"};
  tls.sni = "other";
  c = cluster(w);
  CHECK(sansOf(tlsOf(c.transport_socket())) == tls.subjectAltNames);
  CHECK(tlsOf(c.transport_socket()).sni() == "other");
}

TEST_CASE("mode DISABLE is plaintext") {
  auto w = world();
  w.policies[{kHost, 80}].policy.tls.mode = TrafficPolicy::Tls::Mode::disable;
  const auto c = cluster(w);
  CHECK_FALSE(c.has_transport_socket());
  CHECK(c.transport_socket_matches().empty());
}

TEST_CASE("mode SIMPLE checks the server's name") {
  auto w = world();
  auto& tls = w.policies[{kHost, 80}].policy.tls;
  tls.mode = TrafficPolicy::Tls::Mode::simple;
  tls.sni = "api.example.com";
  auto context = tlsOf(cluster(w).transport_socket());
  CHECK(sansOf(context) == std::vector<std::string>{"api.example.com"});
  CHECK_FALSE(context.common_tls_context().validation_context().trusted_ca().filename().empty());
  CHECK(context.common_tls_context().tls_certificates().empty());
  tls.insecureSkipVerify = true;
  context = tlsOf(cluster(w).transport_socket());
  CHECK_FALSE(context.common_tls_context().has_validation_context());
}

TEST_CASE("mode MUTUAL without a client certificate is told to its author") {
  auto w = world();
  w.policies[{kHost, 80}].policy.tls.mode = TrafficPolicy::Tls::Mode::mutual;
  w.policies[{kHost, 80}].provenance = model::Provenance{"DestinationRule", "default", "reviews", ""};
  const auto resources = resourcesOf(w, sidecar());
  CHECK(resources.noted("DestinationRule/default/reviews", "clientCertificate"));
  CHECK(envoyRefuses(resources) == "");
}

TEST_CASE("subsets are clusters of their own") {
  auto w = world();
  TrafficPolicy policy;
  policy.loadBalancer = TrafficPolicy::LoadBalancer::random;
  w.policies[{kHost, 80}].subsets = {{"v1", {{"version", "v1"}}, policy}};
  w.policies[{kHost, 80}].provenance = model::Provenance{"DestinationRule", "default", "reviews", ""};
  const auto c = cluster(w, sidecar(), "outbound|80|v1|" + kHost);
  CHECK(c.lb_policy() == Cluster::RANDOM);
  CHECK(tlsOf(c.transport_socket_matches(0).transport_socket()).sni() == "outbound_.80_.v1_." + kHost);
  CHECK(c.metadata().filter_metadata().at("fairway").fields().at("provenance").string_value() ==
        "DestinationRule/default/reviews");
  CHECK(c.metadata().filter_metadata().at("istio").fields().at("subset").string_value() == "v1");
}

TEST_CASE("every load balancer is one that Envoy takes") {
  auto w = world();
  auto& policy = w.policies[{kHost, 80}].policy;
  using Balancer = TrafficPolicy::LoadBalancer;
  const std::map<Balancer, Cluster::LbPolicy> expected{{Balancer::least_request, Cluster::LEAST_REQUEST},
                                                       {Balancer::round_robin, Cluster::ROUND_ROBIN},
                                                       {Balancer::random, Cluster::RANDOM},
                                                       {Balancer::ring_hash, Cluster::RING_HASH},
                                                       {Balancer::maglev, Cluster::MAGLEV},
                                                       {Balancer::passthrough, Cluster::CLUSTER_PROVIDED}};
  for (const auto& [balancer, lb] : expected) {
    policy.loadBalancer = balancer;
    policy.warmup = model::TrafficPolicy::Warmup{seconds(30), {}, {}};
    policy.hashTableSize = balancer == Balancer::maglev ? 1000 : 2000;  // 1000 is no prime
    CHECK(cluster(w).lb_policy() == lb);
  }
  policy.loadBalancer = Balancer::passthrough;
  CHECK(cluster(w).type() == Cluster::ORIGINAL_DST);
  CHECK(cluster(w, bareSidecar()).type() == Cluster::EDS);
}

TEST_CASE("connection pool and outlier detection, with values at Envoy's limits") {
  auto w = world();
  auto& policy = w.policies[{kHost, 80}].policy;
  policy.pool.maxConnections = 100;
  policy.pool.maxPendingRequests = 1;
  policy.pool.maxRequestsPerConnection = 10;
  policy.pool.maxConcurrentStreams = 7;
  policy.pool.connectTimeout = milliseconds(250);
  policy.pool.idleTimeout = seconds(3);
  policy.pool.maxConnectionDuration = seconds(60);
  policy.pool.keepalive = TrafficPolicy::ConnectionPool::Keepalive{3, seconds(5), milliseconds(10)};
  policy.pool.upgradeToHttp2 = true;
  policy.outlier = TrafficPolicy::Outlier{};
  policy.outlier->consecutive5xx = 0;
  policy.outlier->consecutiveGateway = 3;
  policy.outlier->consecutiveLocalOrigin = 2;
  policy.outlier->splitExternalLocalOrigin = true;
  policy.outlier->interval = seconds(1);
  policy.outlier->baseEjectionTime = seconds(1000);
  policy.outlier->maxEjectionPercent = 200;
  policy.outlier->minHealthPercent = 30;
  const auto c = cluster(w);
  CHECK(c.circuit_breakers().thresholds(0).max_connections().value() == 100);
  CHECK(c.connect_timeout().nanos() == 250000000);
  CHECK(c.upstream_connection_options().tcp_keepalive().keepalive_interval().value() == 1);
  CHECK(c.outlier_detection().enforcing_consecutive_5xx().value() == 0);
  CHECK(c.outlier_detection().consecutive_gateway_failure().value() == 3);
  CHECK(c.outlier_detection().max_ejection_percent().value() == 100);
  CHECK(c.common_lb_config().healthy_panic_threshold().value() == 30);
  CHECK(httpOf(c).explicit_http_config().http2_protocol_options().max_concurrent_streams().value() == 7);
}

TEST_CASE("a headless TCP service goes where the client chose, with mTLS if all endpoints take it") {
  auto w = world(model::Protocol::tcp);
  auto& service = w.services[kHost];
  service.headless = true;
  service.resolution = model::Service::Resolution::original_dst;
  service.addresses.clear();
  auto c = cluster(w);
  CHECK(c.type() == Cluster::ORIGINAL_DST);
  CHECK(c.has_transport_socket());
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080).meshTls = false;
  CHECK_FALSE(cluster(w).has_transport_socket());
  // Without interception nothing tells what the client chose.
  CHECK(cluster(w, bareSidecar()).type() == Cluster::EDS);
}

TEST_CASE("an ExternalName is resolved by DNS") {
  auto w = world();
  auto& service = w.services[kHost];
  service.resolution = model::Service::Resolution::dns;
  service.externalName = "api.example.com";
  service.addresses.clear();
  const auto c = cluster(w);
  CHECK(c.cluster_type().name() == "envoy.clusters.dns");
  CHECK(c.load_assignment().endpoints(0).lb_endpoints(0).endpoint().address().socket_address().address() ==
        "api.example.com");
  CHECK(c.transport_socket_matches().empty());
}

TEST_CASE("ports listed twice make one cluster") {
  auto w = world();
  w.services[kHost].ports.push_back(port("again", 80, model::Protocol::tcp));
  const auto resources = resourcesOf(w, sidecar());
  CHECK(resources.duplicates.empty());
  CHECK(resources.has(Type::cluster, kName));
}

TEST_CASE("the pods of a headless HTTP service: where the client chose, with mTLS to the service's identities") {
  auto w = world();
  auto& service = w.services[kHost];
  service.headless = true;
  service.addresses.clear();
  const std::string pods = "outbound|80||*." + kHost;
  auto c = cluster(w, sidecar(), pods);
  CHECK(c.type() == Cluster::ORIGINAL_DST);
  CHECK(tlsOf(c.transport_socket()).sni() == "outbound_.80_._." + kHost);
  CHECK(cluster(w).type() == Cluster::EDS);
  w.addEndpoint(kHost, 80, "10.244.0.2", 8080).meshTls = false;
  CHECK_FALSE(cluster(w, sidecar(), pods).has_transport_socket());
}

TEST_CASE("the PROXY protocol stands before whatever else the connection speaks") {
  using envoy::extensions::transport_sockets::proxy_protocol::v3::ProxyProtocolUpstreamTransport;
  auto w = world();
  auto& policy = w.policies[{kHost, 80}].policy;
  policy.proxyProtocol = 2;
  const auto inner = [](const envoy::config::core::v3::TransportSocket& socket) {
    CHECK(socket.name() == "envoy.transport_sockets.upstream_proxy_protocol");
    return unpack<ProxyProtocolUpstreamTransport>(socket.typed_config());
  };
  auto c = cluster(w);
  REQUIRE(c.transport_socket_matches_size() == 1);
  CHECK(inner(c.transport_socket_matches(0).transport_socket()).transport_socket().name() ==
        "envoy.transport_sockets.tls");
  CHECK(inner(c.transport_socket()).transport_socket().name() == "envoy.transport_sockets.raw_buffer");
  CHECK(inner(c.transport_socket()).config().version() == envoy::config::core::v3::ProxyProtocolConfig::V2);
  policy.tls.mode = TrafficPolicy::Tls::Mode::disable;
  policy.proxyProtocol = 1;
  c = cluster(w);
  CHECK(inner(c.transport_socket()).config().version() == envoy::config::core::v3::ProxyProtocolConfig::V1);
  policy.proxyProtocol = 0;
  CHECK_FALSE(cluster(w).has_transport_socket());
}

TEST_CASE("retry budget, HTTP/2 pings, own error codes, warm-up and revoked certificates") {
  auto w = world(model::Protocol::http2);
  auto& policy = w.policies[{kHost, 80}].policy;
  policy.retryBudget = TrafficPolicy::RetryBudget{12.5, 4, {}};
  policy.pool.http2Keepalive = TrafficPolicy::ConnectionPool::Http2Keepalive{seconds(7), {}};
  policy.outlier.emplace().httpErrorCodes = {429, 503};
  policy.warmup = TrafficPolicy::Warmup{seconds(30), 25, 2};
  policy.tls.mode = TrafficPolicy::Tls::Mode::simple;
  const auto c = cluster(w);
  const auto& budget = c.circuit_breakers().thresholds(0).retry_budget();
  CHECK(budget.budget_percent().value() == 12.5);
  CHECK(budget.min_retry_concurrency().value() == 4);
  const auto http = httpOf(c);
  const auto& keepalive = http.explicit_http_config().http2_protocol_options().connection_keepalive();
  CHECK(keepalive.interval().seconds() == 7);
  CHECK(keepalive.timeout().seconds() == 20);
  const auto& matcher = http.outlier_detection().error_matcher().http_response_headers_match().headers(0);
  CHECK(matcher.name() == ":status");
  CHECK(matcher.string_match().safe_regex().regex() == "429|503");
  const auto& slow = c.least_request_lb_config().slow_start_config();
  CHECK(slow.slow_start_window().seconds() == 30);
  CHECK(slow.min_weight_percent().value() == 25);
  CHECK(slow.aggression().default_value() == 2);
}

TEST_CASE("endpoints near the client come first, those of its zone's share get it") {
  using envoy::config::endpoint::v3::ClusterLoadAssignment;
  auto w = world();
  w.endpoints.clear();
  for (const auto* zone : {"1", "2", "3"}) {
    w.addEndpoint(kHost, 80, std::string("10.244.0.") + zone, 8080).locality = {"us", zone, ""};
  }
  model::Workload client;
  client.ns = "default";
  client.name = "client-1";
  client.serviceAccount = "client";
  client.locality = {"us", "2", ""};
  w.workloads[{"default", "client-1"}] = client;
  const auto priorities = [&] {
    std::map<std::string, std::uint32_t> result;
    const auto resources = resourcesOf(w, sidecar());
    CHECK(envoyRefuses(resources) == "");
    const auto assignment = resources.get<ClusterLoadAssignment>(Type::endpoint, kName);
    for (const auto& group : assignment.endpoints()) {
      result[group.locality().zone()] = group.priority();
    }
    return result;
  };
  using Levels = std::map<std::string, std::uint32_t>;
  CHECK(priorities() == Levels{{"1", 0}, {"2", 0}, {"3", 0}});
  auto& policy = w.policies[{kHost, 80}].policy;
  policy.outlier.emplace();
  policy.locality.emplace();
  CHECK(priorities() == Levels{{"1", 1}, {"2", 0}, {"3", 1}});
  CHECK_FALSE(cluster(w).common_lb_config().has_locality_weighted_lb_config());
  policy.locality->distribute = {{"us/2", {{"us/1", 30}, {"us/2", 70}}}};
  CHECK(priorities() == Levels{{"1", 0}, {"2", 0}});
  CHECK(cluster(w).common_lb_config().has_locality_weighted_lb_config());
}

TEST_CASE("names that are looked up when they are asked for") {
  World w;
  w.addEntry("default", "*.example.com",
             {port("http", 80, model::Protocol::http), port("tls", 443, model::Protocol::tls)},
             model::Service::Resolution::dynamic_dns);
  const auto r = resourcesOf(w, sidecar());
  CHECK(envoyRefuses(r) == "");
  for (const auto* number : {"80", "443"}) {
    const auto c = r.get<Cluster>(Type::cluster, std::string("outbound|") + number + "||*.example.com");
    CHECK(c.cluster_type().name() == "envoy.clusters.dynamic_forward_proxy");
    CHECK(c.lb_policy() == Cluster::CLUSTER_PROVIDED);
    CHECK_FALSE(c.has_load_assignment());
  }
  CHECK(r.names(Type::endpoint).empty());
  const auto http = r.get<envoy::config::listener::v3::Listener>(Type::listener, "0.0.0.0_80");
  const auto manager = unpack<envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager>(
      http.filter_chains(0).filters(0).typed_config());
  CHECK(manager.http_filters(manager.http_filters_size() - 2).name() == "envoy.filters.http.dynamic_forward_proxy");
  const auto tls = r.get<envoy::config::listener::v3::Listener>(Type::listener, "0.0.0.0_443");
  CHECK(tls.filter_chains(0).filter_chain_match().server_names(0) == "*.example.com");
  CHECK(tls.filter_chains(0).filters(0).name() == "envoy.filters.network.sni_dynamic_forward_proxy");
  // With TLS of its own each connection's server name is the request's host.
  w.policies[{"*.example.com", 80}].policy.tls.mode = TrafficPolicy::Tls::Mode::simple;
  const auto c = cluster(w, sidecar(), "outbound|80||*.example.com");
  CHECK(httpOf(c).upstream_http_protocol_options().auto_sni());
  CHECK(httpOf(c).upstream_http_protocol_options().auto_san_validation());
  CHECK(tlsOf(c.transport_socket()).sni().empty());
}
