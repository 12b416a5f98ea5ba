#include "agent/bootstrap.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/stats.h"
#include "base/fluentd_relays.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

using nlohmann::json;

constexpr auto kTlsContext = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
constexpr auto kHttpOptions = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
constexpr auto kConnectionManager =
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
constexpr auto kRouter = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router";
constexpr auto kStatsdSink = "type.googleapis.com/envoy.config.metrics.v3.StatsdSink";
constexpr auto kDogStatsdSink = "type.googleapis.com/envoy.config.metrics.v3.DogStatsdSink";
constexpr auto kInternalListener =
    "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener";
constexpr auto kAdminCluster = "envoy-admin";
constexpr unsigned kDatagramBytes = 1400;  // fits into one packet also where a tunnel takes its part

json socketAddress(const std::string& host, std::uint16_t port, bool ipv6 = false) {
  if (host.empty() && ipv6) {
    return {{"socket_address", {{"address", "::"}, {"port_value", port}, {"ipv4_compat", true}}}};
  }
  return {{"socket_address", {{"address", host.empty() ? "0.0.0.0" : host}, {"port_value", port}}}};
}

json endpoint(const std::string& cluster, const json& address) {
  return {{"cluster_name", cluster},
          {"endpoints", json::array({{{"lb_endpoints", json::array({{{"endpoint", {{"address", address}}}}})}}})}};
}

json http2Options(const json& http2) {
  return {{"envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
           {{"@type", kHttpOptions}, {"explicit_http_config", {{"http2_protocol_options", http2}}}}}};
}

// Reconnects quickly: a restarted control plane answers at once, and Envoy adds jitter itself.
json grpcService(std::string_view cluster) {
  return {{"envoy_grpc",
           {{"cluster_name", cluster},
            {"retry_policy", {{"retry_back_off", {{"base_interval", "0.25s"}, {"max_interval", "10s"}}}}}}}};
}

// A limit of 0 s on the first fetch: Envoy stays unready until the answer is there, instead of going on without it.
json adsSource() { return {{"ads", json::object()}, {"resource_api_version", "V3"}, {"initial_fetch_timeout", "0s"}}; }

json sdsSecret(std::string_view name) {
  const json source = {{"api_type", "DELTA_GRPC"},
                       {"transport_api_version", "V3"},
                       {"set_node_on_first_message_only", true},
                       {"grpc_services", json::array({grpcService(kSecretCluster)})}};
  return {
      {"name", name},
      {"sds_config", {{"api_config_source", source}, {"resource_api_version", "V3"}, {"initial_fetch_timeout", "0s"}}}};
}

json discoveryTls(const std::string& serverName) {
  const json names = json::array({{{"san_type", "DNS"}, {"matcher", {{"exact", serverName}}}}});
  const json common = {
      {"alpn_protocols", json::array({"h2"})},
      {"tls_params", {{"tls_minimum_protocol_version", "TLSv1_2"}, {"tls_maximum_protocol_version", "TLSv1_3"}}},
      {"tls_certificate_sds_secret_configs", json::array({sdsSecret(kWorkloadSecret)})},
      {"combined_validation_context",
       {{"default_validation_context", {{"match_typed_subject_alt_names", names}}},
        {"validation_context_sds_secret_config", sdsSecret(kDiscoveryRootSecret)}}}};
  return {{"name", "envoy.transport_sockets.tls"},
          {"typed_config", {{"@type", kTlsContext}, {"sni", serverName}, {"common_tls_context", common}}}};
}

json discoveryCluster(const AgentOptions& options) {
  const auto address = parseAddress(options.discoveryAddress).value();
  const bool isName =
      address.host.find(':') == std::string::npos && address.host.find_first_not_of("0123456789.") != std::string::npos;
  json cluster = {
      {"name", kDiscoveryCluster},
      {"type", isName ? "STRICT_DNS" : "STATIC"},
      {"connect_timeout", "5s"},
      {"load_assignment", endpoint(std::string(kDiscoveryCluster), socketAddress(address.host, address.port))},
      {"transport_socket", discoveryTls(serverNameOf(options))},
      {"upstream_connection_options", {{"tcp_keepalive", {{"keepalive_time", 60}, {"keepalive_interval", 10}}}}},
      {"typed_extension_protocol_options",
       http2Options({{"connection_keepalive", {{"interval", "30s"}, {"timeout", "10s"}}}})}};
  if (isName) cluster["dns_lookup_family"] = "V4_PREFERRED";
  return cluster;
}

json secretCluster(const std::string& socket) {
  return {{"name", kSecretCluster},
          {"type", "STATIC"},
          {"connect_timeout", "1s"},
          {"load_assignment", endpoint(std::string(kSecretCluster), {{"pipe", {{"path", socket}}}})},
          {"typed_extension_protocol_options", http2Options(json::object())}};
}

void addFluentdRelays(json& result) {
  result["bootstrap_extensions"] =
      json::array({{{"name", "envoy.bootstrap.internal_listener"}, {"typed_config", {{"@type", kInternalListener}}}}});
  for (unsigned i = 1; i <= fluentd_relays::kCount; ++i) {
    const auto name = fluentd_relays::name(i);
    result["static_resources"]["clusters"].push_back(
        {{"name", name},
         {"type", "STATIC"},
         {"connect_timeout", "1s"},
         {"load_assignment", endpoint(name, {{"envoy_internal_address", {{"server_listener_name", name}}}})}});
  }
}

json node(const AgentOptions& options) {
  json metadata = options.metadata;
  const json own = {{"NAME", options.podName},
                    {"NAMESPACE", options.podNamespace},
                    {"SERVICE_ACCOUNT", options.serviceAccount},
                    {"LABELS", options.labels},
                    {"INSTANCE_IPS", join(options.ips, ",")},
                    {"INTERCEPTION_MODE", options.interception == Interception::none ? "NONE" : "REDIRECT"}};
  metadata.update(own);
  if (!options.annotations.empty()) metadata["ANNOTATIONS"] = options.annotations;
  if (options.unprivileged) metadata["UNPRIVILEGED_POD"] = "true";
  if (!options.outboundAddress.empty()) metadata["FAIRWAY_OUTBOUND_ADDRESS"] = options.outboundAddress;
  if (!options.appAddress.empty()) metadata["FAIRWAY_APP_ADDRESS"] = options.appAddress;
  if (!options.gatewayTopology.empty()) metadata["FAIRWAY_GATEWAY_TOPOLOGY"] = options.gatewayTopology;
  return {{"id", nodeId(options)}, {"cluster", serviceCluster(options)}, {"metadata", std::move(metadata)}};
}

json statsdSink(const AgentOptions& options, const Address& server) {
  json config = {{"@type", options.statsdTags ? kDogStatsdSink : kStatsdSink},
                 {"address", socketAddress(server.host, server.port)},
                 {"prefix", options.statsdPrefix}};
  config["address"]["socket_address"]["protocol"] = "UDP";
  if (options.statsdTags) config["max_bytes_per_datagram"] = kDatagramBytes;
  return {{"name", options.statsdTags ? "envoy.stat_sinks.dog_statsd" : "envoy.stat_sinks.statsd"},
          {"typed_config", config}};
}

bool hasIpv6(const AgentOptions& options) {
  return std::any_of(options.ips.begin(), options.ips.end(),
                     [](const std::string& ip) { return ip.find(':') != std::string::npos; });
}

// A listener with one route, apart from what the control plane tells.
json listenerFor(const std::string& name, const json& address, const json& route, json manager) {
  manager.update(
      {{"@type", kConnectionManager},
       {"stat_prefix", name},
       {"http_filters", json::array({{{"name", "envoy.filters.http.router"}, {"typed_config", {{"@type", kRouter}}}}})},
       {"route_config",
        {{"virtual_hosts",
          json::array({{{"name", name}, {"domains", json::array({"*"})}, {"routes", json::array({route})}}})}}}});
  const json filter = {{"name", "envoy.filters.network.http_connection_manager"}, {"typed_config", manager}};
  return {{"name", name}, {"address", address}, {"filter_chains", json::array({{{"filters", json::array({filter})}}})}};
}

// The discovery service alone: certificates are the agent's business.
void addRelay(json& result, const AgentOptions& options) {
  const auto address = parseAddress(options.xdsRelayAddress).value();
  const json route = {{"match", {{"prefix", "/envoy.service.discovery.v3.AggregatedDiscoveryService/"}}},
                      {"route", {{"cluster", kDiscoveryCluster}, {"timeout", "0s"}}}};
  result["static_resources"]["listeners"].push_back(
      listenerFor("xds-relay", socketAddress(address.host, address.port), route,
                  {{"codec_type", "HTTP2"}, {"stream_idle_timeout", "0s"}}));
}

void addPrometheus(json& result, const AgentOptions& options, const Address& admin) {
  const auto address = parseAddress(options.prometheusAddress).value();
  const json route = {{"match", {{"path", "/stats/prometheus"}}}, {"route", {{"cluster", kAdminCluster}}}};
  result["static_resources"]["listeners"].push_back(
      listenerFor("prometheus", socketAddress(address.host, address.port, hasIpv6(options)), route, json::object()));
  result["static_resources"]["clusters"].push_back(
      {{"name", kAdminCluster},
       {"type", "STATIC"},
       {"connect_timeout", "1s"},
       {"load_assignment", endpoint(kAdminCluster, socketAddress(admin.host, admin.port))}});
}

}  // namespace

std::string nodeId(const AgentOptions& options) {
  return std::string(options.proxyType == ProxyType::router ? "router" : "sidecar") + "~" + options.ips.front() + "~" +
         options.podName + "." + options.podNamespace + "~" + options.podNamespace + ".svc." + options.domain;
}

std::string serviceCluster(const AgentOptions& options) {
  const auto app = options.labels.find("app");
  const auto workload = app != options.labels.end() && !app->second.empty() ? app->second : options.podName;
  return workload + "." + options.podNamespace;
}

std::string bootstrap(const AgentOptions& options, const std::string& sdsSocket, const std::optional<Address>& statsd) {
  const auto admin = parseAddress(options.envoyAdminAddress).value();
  json result = {
      {"node", node(options)},
      {"admin", {{"address", socketAddress(admin.host, admin.port)}}},
      {"dynamic_resources",
       {{"ads_config",
         {{"api_type", options.deltaXds ? "DELTA_GRPC" : "GRPC"},
          {"transport_api_version", "V3"},
          {"set_node_on_first_message_only", true},
          {"grpc_services", json::array({grpcService(kDiscoveryCluster)})}}},
        {"lds_config", adsSource()},
        {"cds_config", adsSource()}}},
      // It reports what it sends where only when the control plane asks for it.
      {"cluster_manager",
       {{"load_stats_config",
         {{"api_type", "GRPC"},
          {"transport_api_version", "V3"},
          {"grpc_services", json::array({grpcService(kDiscoveryCluster)})}}}}},
      {"static_resources", {{"clusters", json::array({discoveryCluster(options), secretCluster(sdsSocket)})}}},
      {"stats_config", statsConfig(options)},
      // Most of a sidecar's clusters never see a request: their counters are made when they do.
      {"deferred_stat_options", {{"enable_deferred_creation_stats", true}}},
      // Policies may hold long lists of alternatives; Envoy's limit on the size of a regular expression is 100.
      {"layered_runtime",
       {{"layers", json::array({{{"name", "static"}, {"static_layer", {{"re2.max_program_size.error_level", 32768}}}},
                                {{"name", "admin"}, {"admin_layer", json::object()}}})}}}};
  addFluentdRelays(result);
  if (statsd) result["stats_sinks"] = json::array({statsdSink(options, *statsd)});
  if (!options.prometheusAddress.empty()) addPrometheus(result, options, admin);
  if (!options.xdsRelayAddress.empty()) addRelay(result, options);
  return result.dump(2, ' ', false, json::error_handler_t::replace);
}

}  // namespace fairway::agent
