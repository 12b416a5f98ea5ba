#include "normalize/objects.h"

#include <tuple>
#include <utility>

#include "base/strings.h"

namespace fairway::normalize {

namespace {

std::string_view kindName(api::Kind kind) {
  switch (kind) {
    case api::Kind::namespace_: return "Namespace";
    case api::Kind::node: return "Node";
    case api::Kind::pod: return "Pod";
    case api::Kind::service: return "Service";
    case api::Kind::endpoint_slice: return "EndpointSlice";
    case api::Kind::secret: return "Secret";
    case api::Kind::config_map: return "ConfigMap";
    case api::Kind::ingress: return "Ingress";
    case api::Kind::ingress_class: return "IngressClass";
    case api::Kind::gateway: return "Gateway";
    case api::Kind::virtual_service: return "VirtualService";
    case api::Kind::destination_rule: return "DestinationRule";
    case api::Kind::service_entry: return "ServiceEntry";
    case api::Kind::envoy_filter: return "EnvoyFilter";
    case api::Kind::proxy_config: return "ProxyConfig";
    case api::Kind::wasm_plugin: return "WasmPlugin";
    case api::Kind::sidecar: return "Sidecar";
    case api::Kind::workload_entry: return "WorkloadEntry";
    case api::Kind::workload_group: return "WorkloadGroup";
    case api::Kind::policy: return "Policy";
    case api::Kind::mesh_policy: return "MeshPolicy";
    case api::Kind::service_role: return "ServiceRole";
    case api::Kind::service_role_binding: return "ServiceRoleBinding";
    case api::Kind::rbac_config: return "RbacConfig";
    case api::Kind::cluster_rbac_config: return "ClusterRbacConfig";
    case api::Kind::peer_authentication: return "PeerAuthentication";
    case api::Kind::authorization_policy: return "AuthorizationPolicy";
    case api::Kind::request_authentication: return "RequestAuthentication";
    case api::Kind::gateway_class: return "GatewayClass";
    // As kubectl tells it from Istio's.
    case api::Kind::kubernetes_gateway: return "Gateway.gateway.networking.k8s.io";
    case api::Kind::http_route: return "HTTPRoute";
    case api::Kind::grpc_route: return "GRPCRoute";
    case api::Kind::tls_route: return "TLSRoute";
    case api::Kind::tcp_route: return "TCPRoute";
    case api::Kind::reference_grant: return "ReferenceGrant";
    case api::Kind::backend_tls_policy: return "BackendTLSPolicy";
    case api::Kind::rate_limit: return "RateLimit";
    case api::Kind::telemetry: return "Telemetry";
    case api::Kind::key_set: return "KeySet";
  }
  return {};
}

bool isAtOrBelow(std::string_view field, std::string_view path) {
  return field.starts_with(path) &&
         (field.size() == path.size() || field[path.size()] == '.' || field[path.size()] == '[');
}

}  // namespace

bool olderThan(const api::Object& a, const api::Object& b) {
  return std::tie(a.meta.creationTimestamp, a.meta.ns, a.meta.name) <
         std::tie(b.meta.creationTimestamp, b.meta.ns, b.meta.name);
}

model::Provenance provenanceOf(const api::Object& object, std::string rule) {
  return {std::string(kindName(object.kind)), object.meta.ns, object.meta.name, std::move(rule)};
}

void error(store::View& view, model::Provenance object, std::string field, std::string message) {
  view.note({model::Note::Severity::error, std::move(object), std::move(field), std::move(message)});
}

void warning(store::View& view, model::Provenance object, std::string field, std::string message) {
  view.note({model::Note::Severity::warning, std::move(object), std::move(field), std::move(message)});
}

void info(store::View& view, model::Provenance object, std::string field, std::string message) {
  view.note({model::Note::Severity::info, std::move(object), std::move(field), std::move(message)});
}

Errors::Errors(const api::Object& object) {
  if (object.valid()) return;
  for (const auto& problem : object.problems) {
    // The codec stops listing after a number of problems and says so without a field: errors may be anywhere.
    if (problem.field.empty()) truncated_ = true;
    if (problem.severity == api::Problem::Severity::error) fields_.push_back(problem.field);
  }
}

bool Errors::below(std::string_view path) const {
  if (truncated_) return true;
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) { return isAtOrBelow(field, path); });
}

bool Errors::at(std::string_view path) const {
  if (truncated_) return true;
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const auto& field) { return isAtOrBelow(field, path) || isAtOrBelow(path, field); });
}

bool Errors::inSelector(const api::Labels& read) const {
  return read.empty() ? at("spec.selector") : below("spec.selector");
}

bool Errors::outside(std::initializer_list<std::string_view> paths) const {
  if (truncated_) return true;
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) {
    return std::none_of(paths.begin(), paths.end(), [&](auto path) { return isAtOrBelow(field, path); });
  });
}

bool Errors::atItem(std::string_view path, std::size_t index) const {
  return below(std::string(path) + "[" + std::to_string(index) + "]");
}

bool Errors::atList(std::string_view path, std::size_t size) const {
  if (truncated_) return true;
  return std::any_of(fields_.begin(), fields_.end(), [&](const auto& field) {
    if (field == path) return true;
    if (!isAtOrBelow(field, path) || field[path.size()] != '[') return false;
    const auto start = path.size() + 1;
    const auto index = toNumber(std::string_view(field).substr(start, field.find(']', start) - start));
    return index && *index >= size;
  });
}

}  // namespace fairway::normalize
