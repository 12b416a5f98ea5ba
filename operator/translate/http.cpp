#include "translate/http.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/http/cors/v3/cors.pb.h>
#include <envoy/extensions/filters/http/dynamic_forward_proxy/v3/dynamic_forward_proxy.pb.h>
#include <envoy/extensions/filters/http/fault/v3/fault.pb.h>
#include <envoy/extensions/filters/http/router/v3/router.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <google/protobuf/arena.h>

#include "normalize/queries.h"
#include "translate/dns_cache.h"
#include "translate/jwt.h"
#include "translate/loggers.h"
#include "translate/rate_limits.h"
#include "translate/rbac.h"
#include "translate/tracing.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
using hcm::HttpConnectionManager;

namespace {

constexpr const char* kServerName = "istio-envoy";

// Paths are made canonical before anything looks at them, as the mesh's settings say (the dots, by default). Where a rule
// decides by path, also repeated slashes are, and a request with an escaped slash, which could mean two paths, is
// refused, unless the mesh unescapes them.
void setPaths(HttpConnectionManager& out, model::MeshSettings::Paths paths, bool strict) {
  using Paths = model::MeshSettings::Paths;
  out.mutable_normalize_path()->set_value(strict || paths != Paths::none);
  const bool decode = paths == Paths::decode_and_merge_slashes;
  if (strict || decode || paths == Paths::merge_slashes) out.set_merge_slashes(true);
  if (decode) {
    out.set_path_with_escaped_slashes_action(HttpConnectionManager::UNESCAPE_AND_FORWARD);
  } else if (strict) {
    out.set_path_with_escaped_slashes_action(HttpConnectionManager::REJECT_REQUEST);
  }
}

bool decidesByPath(const HttpManager& manager) {
  return (manager.authorization != nullptr && looksAtPath(*manager.authorization)) ||
         (manager.authentication != nullptr && looksAtPath(*manager.authentication)) ||
         (manager.rateLimits != nullptr && looksAtPath(*manager.rateLimits));
}

HttpConnectionManager::ForwardClientCertDetails forwarding(GatewayTopology::ClientCertificate value) {
  using Value = GatewayTopology::ClientCertificate;
  switch (value) {
    case Value::sanitize: return HttpConnectionManager::SANITIZE;
    case Value::sanitize_set: return HttpConnectionManager::SANITIZE_SET;
    case Value::append_forward: return HttpConnectionManager::APPEND_FORWARD;
    case Value::forward_only: return HttpConnectionManager::FORWARD_ONLY;
    case Value::always_forward_only: return HttpConnectionManager::ALWAYS_FORWARD_ONLY;
  }
  return HttpConnectionManager::SANITIZE;
}

void setPeerCertificate(HttpConnectionManager& out, const HttpManager& manager) {
  auto& details = *out.mutable_set_current_client_cert_details();
  if (manager.side == HttpSide::gateway) {
    // What a client outside says about certificates is not believed, unless a proxy in front is there to say it.
    out.set_forward_client_cert_details(forwarding(manager.topology.clientCertificate));
    details.set_cert(true);
  } else if (manager.mutualTls) {
    out.set_forward_client_cert_details(HttpConnectionManager::APPEND_FORWARD);
  } else {
    out.set_forward_client_cert_details(HttpConnectionManager::SANITIZE);
    out.clear_set_current_client_cert_details();
    return;
  }
  details.mutable_subject()->set_value(true);
  details.set_dns(true);
  details.set_uri(true);
}

void setAddresses(HttpConnectionManager& out, const HttpManager& manager) {
  // At the edge the peer's address is the client's, or what proxies there say; inside, X-Forwarded-For of the gateway is.
  out.mutable_use_remote_address()->set_value(manager.side == HttpSide::gateway);
  if (manager.side == HttpSide::gateway) {
    out.set_xff_num_trusted_hops(manager.topology.trustedProxies);
    out.mutable_request_headers_timeout()->set_seconds(60);
  }
}

// What a gateway's clients show is users' business: a gateway tells of what it sends.
MetricsSide metricsSide(const HttpManager& manager) {
  if (manager.side != HttpSide::inbound) return MetricsSide::client;
  return manager.mutualTls ? MetricsSide::server_mtls : MetricsSide::server;
}

hcm::HttpFilter filter(std::string_view name, const google::protobuf::Message& config) {
  hcm::HttpFilter out;
  setFilter(out, name, config);
  return out;
}

}  // namespace

void addHttpManager(store::View& view, envoy::config::listener::v3::FilterChain& chain, const HttpManager& manager) {
  google::protobuf::Arena arena;  // it has many small parts
  auto& out = *google::protobuf::Arena::CreateMessage<HttpConnectionManager>(&arena);
  out.set_stat_prefix(manager.statPrefix);
  if (manager.routes) {
    *out.mutable_route_config() = *manager.routes;
  } else {
    out.mutable_rds()->set_route_config_name(manager.routeName);
    setAds(*out.mutable_rds()->mutable_config_source());
  }
  out.set_server_name(kServerName);
  if (manager.side == HttpSide::inbound) out.set_server_header_transformation(HttpConnectionManager::PASS_THROUGH);
  setAddresses(out, manager);
  const auto& settings = view.ask(normalize::MeshSettingsOf{});
  setPaths(out, settings.paths, decidesByPath(manager));
  if (manager.side != HttpSide::outbound) setPeerCertificate(out, manager);
  out.mutable_http_protocol_options()->set_accept_http_10(true);  // nginx speaks it to its upstreams by default
  out.mutable_stream_idle_timeout();                              // long polls live as long as both ends want
  out.add_upgrade_configs()->set_upgrade_type("websocket");
  if (const auto& tracing = manager.telemetry->tracing) {
    setTracing(out, *tracing, {manager.ns, view.mesh().trustDomain, manager.side == HttpSide::gateway});
  }
  addMessageCounts(out, manager.telemetry->metrics);

  if (manager.authentication) {
    const auto& authentication = *manager.authentication;
    if (authentication.refuse) addRefusal(*out.mutable_http_filters(), *authentication.refuse);
    addRequestAuthentication(out, authentication, manager.side == HttpSide::gateway);
  }
  if (manager.authorization) addHttpAuthorization(*out.mutable_http_filters(), *manager.authorization);
  // Behind what finds out who calls, and refuses: a request that is refused counts for nobody.
  if (manager.rateLimits) addRateLimits(*out.mutable_http_filters(), *manager.rateLimits);
  static const auto cors = filter("envoy.filters.http.cors", envoy::extensions::filters::http::cors::v3::Cors());
  static const auto fault =
      filter("envoy.filters.http.fault", envoy::extensions::filters::http::fault::v3::HTTPFault());
  static const auto router =
      filter("envoy.filters.http.router", envoy::extensions::filters::http::router::v3::Router());
  if (manager.side != HttpSide::inbound) {
    *out.add_http_filters() = cors;
    *out.add_http_filters() = fault;
  }
  if (manager.lookUp) {
    static const auto lookUp = [] {
      envoy::extensions::filters::http::dynamic_forward_proxy::v3::FilterConfig config;
      setDnsCache(*config.mutable_dns_cache_config());
      return filter("envoy.filters.http.dynamic_forward_proxy", config);
    }();
    *out.add_http_filters() = lookUp;
  }
  *out.add_http_filters() = router;
  setFilter(*chain.add_filters(), "envoy.filters.network.http_connection_manager", out,
            httpLoggers(*manager.telemetry, metricsSide(manager)));
}

}  // namespace fairway::translate
