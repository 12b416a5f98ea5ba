#include <algorithm>
#include <array>

#include "api/codec.h"

namespace fairway::api {
namespace {

constexpr std::array<std::string_view, 1> kCoreV1{"v1"};
constexpr std::array<std::string_view, 3> kNetworking{"v1", "v1beta1", "v1alpha3"};
constexpr std::array<std::string_view, 1> kEnvoyFilter{"v1alpha3"};
constexpr std::array<std::string_view, 1> kProxyConfig{"v1beta1"};
constexpr std::array<std::string_view, 2> kSecurity{"v1", "v1beta1"};
constexpr std::array<std::string_view, 1> kAlpha{"v1alpha1"};
constexpr std::array<std::string_view, 2> kTelemetry{"v1", "v1alpha1"};

constexpr std::array<std::string_view, 2> kGateway{"v1", "v1beta1"};
constexpr std::array<std::string_view, 3> kTlsRoute{"v1", "v1alpha3", "v1alpha2"};
constexpr std::array<std::string_view, 2> kTcpRoute{"v1", "v1alpha2"};
constexpr std::array<std::string_view, 2> kGrpcRoute{"v1", "v1alpha2"};
constexpr std::array<std::string_view, 3> kGrant{"v1", "v1beta1", "v1alpha2"};
constexpr std::array<std::string_view, 2> kTlsPolicy{"v1", "v1alpha3"};

constexpr std::array<KindInfo, kKindCount> kKinds{{
    {Kind::namespace_, "Namespace", "", "namespaces", false, false, kCoreV1},
    {Kind::node, "Node", "", "nodes", false, false, kCoreV1},
    {Kind::pod, "Pod", "", "pods", true, false, kCoreV1},
    {Kind::service, "Service", "", "services", true, false, kCoreV1},
    {Kind::endpoint_slice, "EndpointSlice", "discovery.k8s.io", "endpointslices", true, false, kCoreV1},
    {Kind::secret, "Secret", "", "secrets", true, false, kCoreV1},
    {Kind::config_map, "ConfigMap", "", "configmaps", true, false, kCoreV1},
    {Kind::ingress, "Ingress", "networking.k8s.io", "ingresses", true, false, kCoreV1},
    {Kind::ingress_class, "IngressClass", "networking.k8s.io", "ingressclasses", false, false, kCoreV1},
    {Kind::gateway, "Gateway", "networking.istio.io", "gateways", true, true, kNetworking},
    {Kind::virtual_service, "VirtualService", "networking.istio.io", "virtualservices", true, true, kNetworking},
    {Kind::destination_rule, "DestinationRule", "networking.istio.io", "destinationrules", true, true, kNetworking},
    {Kind::service_entry, "ServiceEntry", "networking.istio.io", "serviceentries", true, true, kNetworking},
    {Kind::envoy_filter, "EnvoyFilter", "networking.istio.io", "envoyfilters", true, true, kEnvoyFilter},
    {Kind::proxy_config, "ProxyConfig", "networking.istio.io", "proxyconfigs", true, true, kProxyConfig},
    {Kind::wasm_plugin, "WasmPlugin", "extensions.istio.io", "wasmplugins", true, true, kAlpha},
    {Kind::sidecar, "Sidecar", "networking.istio.io", "sidecars", true, true, kNetworking},
    {Kind::workload_entry, "WorkloadEntry", "networking.istio.io", "workloadentries", true, true, kNetworking},
    {Kind::workload_group, "WorkloadGroup", "networking.istio.io", "workloadgroups", true, true, kNetworking},
    {Kind::policy, "Policy", "authentication.istio.io", "policies", true, true, kAlpha},
    {Kind::mesh_policy, "MeshPolicy", "authentication.istio.io", "meshpolicies", false, true, kAlpha},
    {Kind::service_role, "ServiceRole", "rbac.istio.io", "serviceroles", true, true, kAlpha},
    {Kind::service_role_binding, "ServiceRoleBinding", "rbac.istio.io", "servicerolebindings", true, true, kAlpha},
    {Kind::rbac_config, "RbacConfig", "rbac.istio.io", "rbacconfigs", true, true, kAlpha},
    {Kind::cluster_rbac_config, "ClusterRbacConfig", "rbac.istio.io", "clusterrbacconfigs", false, true, kAlpha},
    {Kind::peer_authentication, "PeerAuthentication", "security.istio.io", "peerauthentications", true, true,
     kSecurity},
    {Kind::authorization_policy, "AuthorizationPolicy", "security.istio.io", "authorizationpolicies", true, true,
     kSecurity},
    {Kind::request_authentication, "RequestAuthentication", "security.istio.io", "requestauthentications", true, true,
     kSecurity},
    {Kind::gateway_class, "GatewayClass", "gateway.networking.k8s.io", "gatewayclasses", false, true, kGateway, true},
    {Kind::kubernetes_gateway, "Gateway", "gateway.networking.k8s.io", "gateways", true, true, kGateway, true},
    {Kind::http_route, "HTTPRoute", "gateway.networking.k8s.io", "httproutes", true, true, kGateway, true},
    {Kind::grpc_route, "GRPCRoute", "gateway.networking.k8s.io", "grpcroutes", true, true, kGrpcRoute, true},
    {Kind::tls_route, "TLSRoute", "gateway.networking.k8s.io", "tlsroutes", true, true, kTlsRoute, true},
    {Kind::tcp_route, "TCPRoute", "gateway.networking.k8s.io", "tcproutes", true, true, kTcpRoute, true},
    {Kind::reference_grant, "ReferenceGrant", "gateway.networking.k8s.io", "referencegrants", true, true, kGrant, true},
    {Kind::backend_tls_policy, "BackendTLSPolicy", "gateway.networking.k8s.io", "backendtlspolicies", true, true,
     kTlsPolicy, true},
    {Kind::rate_limit, "RateLimit", "networking.fairway.io", "ratelimits", true, true, kAlpha},
    {Kind::telemetry, "Telemetry", "telemetry.istio.io", "telemetries", true, true, kTelemetry},
    {Kind::key_set, "KeySet", "", "keysets", false, false, {}},
}};

}  // namespace

const KindInfo& kindInfo(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }

std::span<const KindInfo> allKinds() { return std::span(kKinds).first(static_cast<std::size_t>(Kind::key_set)); }

std::string uniqueName(const KindInfo& info) {
  for (const auto& other : allKinds()) {
    if (other.kind == info.kind) break;
    if (other.name == info.name) return std::string(info.name) + "." + std::string(info.group);
  }
  return std::string(info.name);
}

const KindInfo* findKind(std::string_view apiVersion, std::string_view kindName) {
  const auto slash = apiVersion.find('/');
  const auto group = slash == std::string_view::npos ? std::string_view() : apiVersion.substr(0, slash);
  const auto version = slash == std::string_view::npos ? apiVersion : apiVersion.substr(slash + 1);
  for (const auto& info : allKinds()) {
    if (info.name == kindName && info.group == group) {
      return std::find(info.versions.begin(), info.versions.end(), version) == info.versions.end() ? nullptr : &info;
    }
  }
  return nullptr;
}

}  // namespace fairway::api
