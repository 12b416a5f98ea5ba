#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>

#include "api/core.h"
#include "api/envoy_filter.h"
#include "api/gateway_api.h"
#include "api/ingress.h"
#include "api/mesh_config.h"
#include "api/networking.h"
#include "api/proxy_config.h"
#include "api/rate_limit.h"
#include "api/security.h"
#include "api/service_entry.h"
#include "api/sidecar.h"
#include "api/telemetry.h"
#include "api/telemetry_provider.h"
#include "api/wasm_plugin.h"
#include "api/workload_entry.h"

// The typed values, field by field, for who treats all fields alike: how many each struct has (a number that is wrong does
// not compile), references to them, and the type that belongs to a kind.
namespace fairway::api {

template <class T>
inline constexpr int kFields = -1;  // no struct of ours

template <>
inline constexpr int kFields<ObjectMeta> = 9;
template <>
inline constexpr int kFields<Problem> = 3;
template <>
inline constexpr int kFields<NamespaceSpec> = 0;
template <>
inline constexpr int kFields<NodeSpec> = 0;
template <>
inline constexpr int kFields<PodSpec> = 8;
template <>
inline constexpr int kFields<PodSpec::Port> = 3;
template <>
inline constexpr int kFields<ServiceSpec> = 7;
template <>
inline constexpr int kFields<ServiceSpec::Port> = 5;
template <>
inline constexpr int kFields<EndpointSliceSpec> = 4;
template <>
inline constexpr int kFields<EndpointSliceSpec::Port> = 4;
template <>
inline constexpr int kFields<EndpointSliceSpec::Endpoint> = 10;
template <>
inline constexpr int kFields<SecretSpec> = 4;
template <>
inline constexpr int kFields<ConfigMapSpec> = 2;
template <>
inline constexpr int kFields<MeshConfigSpec> = 23;
template <>
inline constexpr int kFields<GatewayTopology> = 3;
template <>
inline constexpr int kFields<MeshConfigSpec::ProxyDefaults> = 2;
template <>
inline constexpr int kFields<ExtensionProvider> = 3;
template <>
inline constexpr int kFields<ExtensionProvider::ExtAuthz> = 12;
template <>
inline constexpr int kFields<ExtensionProvider::ExtAuthz::Headers> = 5;
template <>
inline constexpr int kFields<MeshConfigSpec::CaCertificates> = 2;
template <>
inline constexpr int kFields<MeshConfigSpec::Tls> = 3;
template <>
inline constexpr int kFields<MeshConfigSpec::ExportTo> = 3;
template <>
inline constexpr int kFields<MeshConfigSpec::Connections> = 6;
template <>
inline constexpr int kFields<MeshConfigSpec::AccessLog> = 2;
template <>
inline constexpr int kFields<MeshConfigSpec::Telemetry> = 3;
template <>
inline constexpr int kFields<MeshConfigSpec::Telemetry::Defaults> = 3;
template <>
inline constexpr int kFields<MeshConfigSpec::Telemetry::Tracing> = 5;
template <>
inline constexpr int kFields<TelemetryProvider> = 7;
template <>
inline constexpr int kFields<TelemetryProvider::Backend> = 2;
template <>
inline constexpr int kFields<TelemetryProvider::LogFormat> = 2;
template <>
inline constexpr int kFields<TelemetryProvider::FileLog> = 3;
template <>
inline constexpr int kFields<TelemetryProvider::OtelLog> = 3;
template <>
inline constexpr int kFields<TelemetryProvider::GrpcLog> = 7;
template <>
inline constexpr int kFields<TelemetryProvider::FluentdLog> = 3;
template <>
inline constexpr int kFields<TelemetryProvider::Header> = 2;
template <>
inline constexpr int kFields<TelemetryProvider::Zipkin> = 7;
template <>
inline constexpr int kFields<TelemetryProvider::OpenTelemetry> = 7;
template <>
inline constexpr int kFields<TelemetrySpec> = 5;
template <>
inline constexpr int kFields<TelemetrySpec::TagOverride> = 2;
template <>
inline constexpr int kFields<TelemetrySpec::MetricsOverride> = 4;
template <>
inline constexpr int kFields<TelemetrySpec::Metrics> = 3;
template <>
inline constexpr int kFields<TelemetrySpec::AccessLogging> = 4;
template <>
inline constexpr int kFields<TelemetrySpec::CustomTag> = 3;
template <>
inline constexpr int kFields<TelemetrySpec::Tracing> = 7;
template <>
inline constexpr int kFields<IngressSpec> = 4;
template <>
inline constexpr int kFields<IngressSpec::Backend> = 3;
template <>
inline constexpr int kFields<IngressSpec::Path> = 3;
template <>
inline constexpr int kFields<IngressSpec::Rule> = 2;
template <>
inline constexpr int kFields<IngressSpec::Tls> = 2;
template <>
inline constexpr int kFields<IngressClassSpec> = 1;
template <>
inline constexpr int kFields<StringMatch> = 2;
template <>
inline constexpr int kFields<GatewaySpec> = 2;
template <>
inline constexpr int kFields<GatewaySpec::Tls> = 10;
template <>
inline constexpr int kFields<GatewaySpec::Server> = 7;
template <>
inline constexpr int kFields<HeaderOperations> = 2;
template <>
inline constexpr int kFields<HeaderOperations::Values> = 3;
template <>
inline constexpr int kFields<Destination> = 3;
template <>
inline constexpr int kFields<HttpMatchRequest> = 14;
template <>
inline constexpr int kFields<Percent> = 1;
template <>
inline constexpr int kFields<HttpRoute> = 13;
template <>
inline constexpr int kFields<HttpRoute::Weighted> = 3;
template <>
inline constexpr int kFields<HttpRoute::Redirect> = 7;
template <>
inline constexpr int kFields<HttpRoute::Delegate> = 2;
template <>
inline constexpr int kFields<HttpRoute::DirectResponse> = 2;
template <>
inline constexpr int kFields<HttpRoute::Rewrite> = 4;
template <>
inline constexpr int kFields<HttpRoute::Retries> = 6;
template <>
inline constexpr int kFields<HttpRoute::Fault> = 5;
template <>
inline constexpr int kFields<HttpRoute::Mirror> = 2;
template <>
inline constexpr int kFields<HttpRoute::Cors> = 7;
template <>
inline constexpr int kFields<L4Match> = 6;
template <>
inline constexpr int kFields<L4Route> = 2;
template <>
inline constexpr int kFields<L4Route::Weighted> = 2;
template <>
inline constexpr int kFields<VirtualServiceSpec> = 6;
template <>
inline constexpr int kFields<TrafficPolicySpec> = 7;
template <>
inline constexpr int kFields<TrafficPolicySpec::LoadBalancer> = 12;
template <>
inline constexpr int kFields<TrafficPolicySpec::LoadBalancer::Warmup> = 3;
template <>
inline constexpr int kFields<LocalitySettings> = 4;
template <>
inline constexpr int kFields<LocalitySettings::Distribute> = 2;
template <>
inline constexpr int kFields<LocalitySettings::Failover> = 2;
template <>
inline constexpr int kFields<TrafficPolicySpec::Tunnel> = 3;
template <>
inline constexpr int kFields<TrafficPolicySpec::RetryBudget> = 3;
template <>
inline constexpr int kFields<TrafficPolicySpec::ConnectionPool::Http2Keepalive> = 2;
template <>
inline constexpr int kFields<TrafficPolicySpec::ConnectionPool> = 14;
template <>
inline constexpr int kFields<TrafficPolicySpec::ConnectionPool::Keepalive> = 3;
template <>
inline constexpr int kFields<TrafficPolicySpec::OutlierDetection> = 9;
template <>
inline constexpr int kFields<TrafficPolicySpec::Tls> = 9;
template <>
inline constexpr int kFields<DestinationRuleSpec> = 5;
template <>
inline constexpr int kFields<DestinationRuleSpec::Policy> = 2;
template <>
inline constexpr int kFields<DestinationRuleSpec::Subset> = 3;
template <>
inline constexpr int kFields<AuthenticationPolicySpec> = 6;
template <>
inline constexpr int kFields<AuthenticationPolicySpec::Target> = 3;
template <>
inline constexpr int kFields<AuthenticationPolicySpec::Target::Port> = 2;
template <>
inline constexpr int kFields<AuthenticationPolicySpec::Mtls> = 2;
template <>
inline constexpr int kFields<AuthenticationPolicySpec::Peer> = 2;
template <>
inline constexpr int kFields<AuthenticationPolicySpec::TriggerRule> = 2;
template <>
inline constexpr int kFields<AuthenticationPolicySpec::Jwt> = 7;
template <>
inline constexpr int kFields<ServiceRoleSpec> = 1;
template <>
inline constexpr int kFields<ServiceRoleSpec::Constraint> = 2;
template <>
inline constexpr int kFields<ServiceRoleSpec::Rule> = 10;
template <>
inline constexpr int kFields<ServiceRoleBindingSpec> = 4;
template <>
inline constexpr int kFields<ServiceRoleBindingSpec::Subject> = 11;
template <>
inline constexpr int kFields<RbacConfigSpec> = 4;
template <>
inline constexpr int kFields<RbacConfigSpec::Target> = 2;
template <>
inline constexpr int kFields<PeerAuthenticationSpec> = 3;
template <>
inline constexpr int kFields<AuthorizationPolicySpec> = 6;
template <>
inline constexpr int kFields<TargetRef> = 3;
template <>
inline constexpr int kFields<RequestAuthenticationSpec> = 3;
template <>
inline constexpr int kFields<RequestAuthenticationSpec::Header> = 2;
template <>
inline constexpr int kFields<RequestAuthenticationSpec::ClaimHeader> = 2;
template <>
inline constexpr int kFields<RequestAuthenticationSpec::JwtRule> = 12;
template <>
inline constexpr int kFields<KeySetSpec> = 2;
template <>
inline constexpr int kFields<AuthorizationPolicySpec::Source> = 12;
template <>
inline constexpr int kFields<AuthorizationPolicySpec::Operation> = 8;
template <>
inline constexpr int kFields<AuthorizationPolicySpec::Condition> = 3;
template <>
inline constexpr int kFields<AuthorizationPolicySpec::Rule> = 3;
template <>
inline constexpr int kFields<RateLimitSpec> = 8;
template <>
inline constexpr int kFields<RateLimitSpec::Match> = 3;
template <>
inline constexpr int kFields<RateLimitSpec::Descriptor> = 3;
template <>
inline constexpr int kFields<RateLimitSpec::Limit> = 3;
template <>
inline constexpr int kFields<RateLimitSpec::Rule> = 4;
template <>
inline constexpr int kFields<RateLimitSpec::Response> = 3;
template <>
inline constexpr int kFields<RateLimitSpec::Local> = 1;
template <>
inline constexpr int kFields<RateLimitSpec::Global> = 2;
template <>
inline constexpr int kFields<ServiceEntrySpec> = 9;
template <>
inline constexpr int kFields<ServiceEntrySpec::Port> = 4;
template <>
inline constexpr int kFields<gateway_api::Reference> = 4;
template <>
inline constexpr int kFields<gateway_api::LabelSelector> = 2;
template <>
inline constexpr int kFields<gateway_api::LabelSelector::Expression> = 3;
template <>
inline constexpr int kFields<gateway_api::GatewayClassSpec> = 2;
template <>
inline constexpr int kFields<gateway_api::GatewaySpec> = 8;
template <>
inline constexpr int kFields<gateway_api::GatewaySpec::Tls> = 3;
template <>
inline constexpr int kFields<gateway_api::GatewaySpec::RouteKind> = 2;
template <>
inline constexpr int kFields<gateway_api::GatewaySpec::Listener> = 8;
template <>
inline constexpr int kFields<gateway_api::GatewaySpec::Address> = 2;
template <>
inline constexpr int kFields<gateway_api::GatewaySpec::ClientValidation> = 3;
template <>
inline constexpr int kFields<gateway_api::ParentRef> = 3;
template <>
inline constexpr int kFields<gateway_api::Header> = 2;
template <>
inline constexpr int kFields<gateway_api::PathModifier> = 2;
template <>
inline constexpr int kFields<gateway_api::Filter> = 10;
template <>
inline constexpr int kFields<gateway_api::Filter::Redirect> = 5;
template <>
inline constexpr int kFields<gateway_api::Filter::Mirror> = 3;
template <>
inline constexpr int kFields<gateway_api::Filter::Cors> = 6;
template <>
inline constexpr int kFields<gateway_api::BackendRef> = 4;
template <>
inline constexpr int kFields<gateway_api::NamedMatch> = 3;
template <>
inline constexpr int kFields<gateway_api::HttpRouteSpec> = 3;
template <>
inline constexpr int kFields<gateway_api::HttpRouteSpec::Match> = 5;
template <>
inline constexpr int kFields<gateway_api::HttpRouteSpec::Retry> = 3;
template <>
inline constexpr int kFields<gateway_api::HttpRouteSpec::Rule> = 7;
template <>
inline constexpr int kFields<gateway_api::GrpcRouteSpec> = 3;
template <>
inline constexpr int kFields<gateway_api::GrpcRouteSpec::Match> = 4;
template <>
inline constexpr int kFields<gateway_api::GrpcRouteSpec::Rule> = 4;
template <>
inline constexpr int kFields<gateway_api::L4RouteSpec> = 3;
template <>
inline constexpr int kFields<gateway_api::L4RouteSpec::Rule> = 2;
template <>
inline constexpr int kFields<gateway_api::ReferenceGrantSpec> = 2;
template <>
inline constexpr int kFields<gateway_api::BackendTlsPolicySpec> = 5;
template <>
inline constexpr int kFields<gateway_api::BackendTlsPolicySpec::Target> = 2;
template <>
inline constexpr int kFields<EnvoyFilterSpec> = 4;
template <>
inline constexpr int kFields<EnvoyFilterSpec::ProxyMatch> = 2;
template <>
inline constexpr int kFields<EnvoyFilterSpec::FilterChainMatch> = 7;
template <>
inline constexpr int kFields<EnvoyFilterSpec::ListenerMatch> = 4;
template <>
inline constexpr int kFields<EnvoyFilterSpec::RouteConfigurationMatch> = 8;
template <>
inline constexpr int kFields<EnvoyFilterSpec::ClusterMatch> = 4;
template <>
inline constexpr int kFields<EnvoyFilterSpec::Match> = 5;
template <>
inline constexpr int kFields<EnvoyFilterSpec::Patch> = 5;
template <>
inline constexpr int kFields<ProxyConfigSpec> = 4;
template <>
inline constexpr int kFields<WasmPluginSpec> = 1;
template <>
inline constexpr int kFields<WorkloadEntrySpec> = 7;
template <>
inline constexpr int kFields<WorkloadGroupSpec> = 4;
template <>
inline constexpr int kFields<SidecarSpec> = 5;
template <>
inline constexpr int kFields<SidecarSpec::Port> = 3;
template <>
inline constexpr int kFields<SidecarSpec::Ingress> = 6;
template <>
inline constexpr int kFields<SidecarSpec::Egress> = 4;
template <>
inline constexpr int kFields<SidecarSpec::OutboundTrafficPolicy> = 2;

// References to all fields, in their order.
template <class T>
auto fieldsOf(T& value) {
  constexpr int kCount = kFields<std::remove_const_t<T>>;
  static_assert(kCount >= 0 && kCount <= 23);
  if constexpr (std::is_same_v<std::remove_const_t<T>, DestinationRuleSpec::Policy>) {
    using Base = std::conditional_t<std::is_const_v<T>, const TrafficPolicySpec, TrafficPolicySpec>;
    return std::tie(static_cast<Base&>(value), value.ports);
  } else if constexpr (kCount == 0) {
    return std::tuple<>();
  } else if constexpr (kCount == 1) {
    auto& [a] = value;
    return std::tie(a);
  } else if constexpr (kCount == 2) {
    auto& [a, b] = value;
    return std::tie(a, b);
  } else if constexpr (kCount == 3) {
    auto& [a, b, c] = value;
    return std::tie(a, b, c);
  } else if constexpr (kCount == 4) {
    auto& [a, b, c, d] = value;
    return std::tie(a, b, c, d);
  } else if constexpr (kCount == 5) {
    auto& [a, b, c, d, e] = value;
    return std::tie(a, b, c, d, e);
  } else if constexpr (kCount == 6) {
    auto& [a, b, c, d, e, f] = value;
    return std::tie(a, b, c, d, e, f);
  } else if constexpr (kCount == 7) {
    auto& [a, b, c, d, e, f, g] = value;
    return std::tie(a, b, c, d, e, f, g);
  } else if constexpr (kCount == 8) {
    auto& [a, b, c, d, e, f, g, h] = value;
    return std::tie(a, b, c, d, e, f, g, h);
  } else if constexpr (kCount == 9) {
    auto& [a, b, c, d, e, f, g, h, i] = value;
    return std::tie(a, b, c, d, e, f, g, h, i);
  } else if constexpr (kCount == 10) {
    auto& [a, b, c, d, e, f, g, h, i, j] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j);
  } else if constexpr (kCount == 11) {
    auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k);
  } else if constexpr (kCount == 12) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l);
  } else if constexpr (kCount == 13) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m);
  } else if constexpr (kCount == 14) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n);
  } else if constexpr (kCount == 15) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o);
  } else if constexpr (kCount == 16) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p);
  } else if constexpr (kCount == 17) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q);
  } else if constexpr (kCount == 18) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r);
  } else if constexpr (kCount == 19) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s);
  } else if constexpr (kCount == 20) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
  } else if constexpr (kCount == 21) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u);
  } else if constexpr (kCount == 22) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v);
  } else if constexpr (kCount == 23) {
    auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w] = value;
    return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w);
  }
}

// Calls `visit.template operator()<T>()` with the type of a kind's objects.
template <class Visit>
auto withType(Kind kind, Visit visit) {
  switch (kind) {
    case Kind::namespace_: return visit.template operator()<Namespace>();
    case Kind::node: return visit.template operator()<Node>();
    case Kind::pod: return visit.template operator()<Pod>();
    case Kind::service: return visit.template operator()<Service>();
    case Kind::endpoint_slice: return visit.template operator()<EndpointSlice>();
    case Kind::config_map: return visit.template operator()<ConfigMap>();
    case Kind::ingress: return visit.template operator()<Ingress>();
    case Kind::ingress_class: return visit.template operator()<IngressClass>();
    case Kind::gateway: return visit.template operator()<Gateway>();
    case Kind::virtual_service: return visit.template operator()<VirtualService>();
    case Kind::destination_rule: return visit.template operator()<DestinationRule>();
    case Kind::service_entry: return visit.template operator()<ServiceEntry>();
    case Kind::envoy_filter: return visit.template operator()<EnvoyFilter>();
    case Kind::proxy_config: return visit.template operator()<ProxyConfig>();
    case Kind::wasm_plugin: return visit.template operator()<WasmPlugin>();
    case Kind::sidecar: return visit.template operator()<Sidecar>();
    case Kind::workload_entry: return visit.template operator()<WorkloadEntry>();
    case Kind::workload_group: return visit.template operator()<WorkloadGroup>();
    case Kind::policy: return visit.template operator()<Policy>();
    case Kind::mesh_policy: return visit.template operator()<MeshPolicy>();
    case Kind::service_role: return visit.template operator()<ServiceRole>();
    case Kind::service_role_binding: return visit.template operator()<ServiceRoleBinding>();
    case Kind::rbac_config: return visit.template operator()<RbacConfig>();
    case Kind::cluster_rbac_config: return visit.template operator()<ClusterRbacConfig>();
    case Kind::peer_authentication: return visit.template operator()<PeerAuthentication>();
    case Kind::authorization_policy: return visit.template operator()<AuthorizationPolicy>();
    case Kind::request_authentication: return visit.template operator()<RequestAuthentication>();
    case Kind::gateway_class: return visit.template operator()<gateway_api::GatewayClass>();
    case Kind::kubernetes_gateway: return visit.template operator()<gateway_api::Gateway>();
    case Kind::http_route: return visit.template operator()<gateway_api::HttpRoute>();
    case Kind::grpc_route: return visit.template operator()<gateway_api::GrpcRoute>();
    case Kind::tls_route: return visit.template operator()<gateway_api::TlsRoute>();
    case Kind::tcp_route: return visit.template operator()<gateway_api::TcpRoute>();
    case Kind::reference_grant: return visit.template operator()<gateway_api::ReferenceGrant>();
    case Kind::backend_tls_policy: return visit.template operator()<gateway_api::BackendTlsPolicy>();
    case Kind::rate_limit: return visit.template operator()<RateLimit>();
    case Kind::telemetry: return visit.template operator()<Telemetry>();
    case Kind::key_set: return visit.template operator()<KeySet>();
    case Kind::secret: return visit.template operator()<Secret>();
  }
  return decltype(visit.template operator()<Namespace>())();
}

}  // namespace fairway::api
