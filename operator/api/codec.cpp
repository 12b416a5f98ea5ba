#include "api/codec.h"

#include <algorithm>
#include <exception>

#include <nlohmann/json.hpp>

#include "api/authentication_policy_json.h"
#include "api/authorization_policy_json.h"
#include "api/core.h"
#include "api/core_json.h"
#include "api/decoder.h"
#include "api/destination_rule_json.h"
#include "api/envoy_filter.h"
#include "api/envoy_filter_json.h"
#include "api/gateway_api.h"
#include "api/gateway_api_json.h"
#include "api/gateway_json.h"
#include "api/ingress.h"
#include "api/ingress_json.h"
#include "api/mesh_config.h"
#include "api/mesh_config_json.h"
#include "api/meta_json.h"
#include "api/networking.h"
#include "api/peer_authentication_json.h"
#include "api/proxy_config.h"
#include "api/proxy_config_json.h"
#include "api/rate_limit.h"
#include "api/rate_limit_json.h"
#include "api/rbac_config_json.h"
#include "api/request_authentication_json.h"
#include "api/security.h"
#include "api/service_entry.h"
#include "api/service_entry_json.h"
#include "api/service_role_binding_json.h"
#include "api/service_role_json.h"
#include "api/sidecar.h"
#include "api/sidecar_json.h"
#include "api/telemetry.h"
#include "api/telemetry_json.h"
#include "api/virtual_service_json.h"
#include "api/wasm_plugin.h"
#include "api/wasm_plugin_json.h"
#include "api/workload_entry.h"
#include "api/workload_entry_json.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Json = nlohmann::json;

// `value` is the spec of our own kinds, the whole object of Kubernetes' kinds.
template <class T>
ObjectPtr build(const Value& value, ObjectMeta meta, Report& report) {
  auto object = std::make_shared<T>();
  object->meta = std::move(meta);
  readSpec(value, object->meta, object->spec);
  object->problems = std::move(report.problems);
  return object;
}

// The one kind of ours whose status says something that is not said by us.
ObjectPtr buildEntry(const Value& spec, const Json& status, ObjectMeta meta, Report& report) {
  auto object = std::make_shared<WorkloadEntry>();
  object->meta = std::move(meta);
  readSpec(spec, object->meta, object->spec);
  object->spec.healthy = isHealthy(status, object->meta);
  object->problems = std::move(report.problems);
  return object;
}

ObjectPtr buildKind(Kind kind, const Value& value, ObjectMeta meta, Report& report) {
  switch (kind) {
    case Kind::namespace_: return build<Namespace>(value, std::move(meta), report);
    case Kind::node: return build<Node>(value, std::move(meta), report);
    case Kind::pod: return build<Pod>(value, std::move(meta), report);
    case Kind::service: return build<Service>(value, std::move(meta), report);
    case Kind::endpoint_slice: return build<EndpointSlice>(value, std::move(meta), report);
    case Kind::secret: return build<Secret>(value, std::move(meta), report);
    case Kind::config_map: return build<ConfigMap>(value, std::move(meta), report);
    case Kind::ingress: return build<Ingress>(value, std::move(meta), report);
    case Kind::ingress_class: return build<IngressClass>(value, std::move(meta), report);
    case Kind::gateway: return build<Gateway>(value, std::move(meta), report);
    case Kind::virtual_service: return build<VirtualService>(value, std::move(meta), report);
    case Kind::destination_rule: return build<DestinationRule>(value, std::move(meta), report);
    case Kind::service_entry: return build<ServiceEntry>(value, std::move(meta), report);
    case Kind::envoy_filter: return build<EnvoyFilter>(value, std::move(meta), report);
    case Kind::proxy_config: return build<ProxyConfig>(value, std::move(meta), report);
    case Kind::wasm_plugin: return build<WasmPlugin>(value, std::move(meta), report);
    case Kind::sidecar: return build<Sidecar>(value, std::move(meta), report);
    case Kind::workload_entry: break;  // buildEntry()
    case Kind::workload_group: return build<WorkloadGroup>(value, std::move(meta), report);
    case Kind::policy: return build<Policy>(value, std::move(meta), report);
    case Kind::mesh_policy: return build<MeshPolicy>(value, std::move(meta), report);
    case Kind::service_role: return build<ServiceRole>(value, std::move(meta), report);
    case Kind::service_role_binding: return build<ServiceRoleBinding>(value, std::move(meta), report);
    case Kind::rbac_config: return build<RbacConfig>(value, std::move(meta), report);
    case Kind::cluster_rbac_config: return build<ClusterRbacConfig>(value, std::move(meta), report);
    case Kind::peer_authentication: return build<PeerAuthentication>(value, std::move(meta), report);
    case Kind::authorization_policy: return build<AuthorizationPolicy>(value, std::move(meta), report);
    case Kind::request_authentication: return build<RequestAuthentication>(value, std::move(meta), report);
    case Kind::gateway_class: return build<gateway_api::GatewayClass>(value, std::move(meta), report);
    case Kind::kubernetes_gateway: return build<gateway_api::Gateway>(value, std::move(meta), report);
    case Kind::http_route: return build<gateway_api::HttpRoute>(value, std::move(meta), report);
    case Kind::grpc_route: return build<gateway_api::GrpcRoute>(value, std::move(meta), report);
    case Kind::tls_route: return build<gateway_api::TlsRoute>(value, std::move(meta), report);
    case Kind::tcp_route: return build<gateway_api::TcpRoute>(value, std::move(meta), report);
    case Kind::reference_grant: return build<gateway_api::ReferenceGrant>(value, std::move(meta), report);
    case Kind::backend_tls_policy: return build<gateway_api::BackendTlsPolicy>(value, std::move(meta), report);
    case Kind::rate_limit: return build<RateLimit>(value, std::move(meta), report);
    case Kind::telemetry: return build<Telemetry>(value, std::move(meta), report);
    case Kind::key_set: break;  // nobody writes one
  }
  return nullptr;
}

Decoded refused(Report& report) { return {nullptr, std::move(report.problems)}; }

// Why apiVersion and kind name none of our kinds: a mistake, or something for others.
void explainUnknown(const std::string& apiVersion, const std::string& kind, Report& report) {
  const auto slash = apiVersion.find('/');
  const auto group = slash == std::string::npos ? std::string() : apiVersion.substr(0, slash);
  for (const auto& info : allKinds()) {
    if (info.group != group || info.name != kind) continue;
    std::vector<std::string> versions;
    for (const auto version : info.versions)
      versions.push_back((group.empty() ? "" : group + "/") + std::string(version));
    report.add(Problem::Severity::error, "apiVersion",
               "found " + quote(apiVersion) + " for a " + kind + ", expected " + join(versions, ", "));
    return;
  }
  if (group == "rbac.istio.io" && kind == "AuthorizationPolicy") {
    report.add(Problem::Severity::error, "apiVersion",
               "this kind existed in Istio 1.2 only, expected security.istio.io/v1");
    return;
  }
  if (group == "extensions" && kind == "Ingress") {
    report.add(Problem::Severity::error, "apiVersion",
               "found " + quote(apiVersion) +
                   " for an Ingress, which Kubernetes serves no more, expected networking.k8s.io/v1: its backends are "
                   "written service: {name, port}, and its paths have a pathType");
    return;
  }
  report.add(Problem::Severity::warning, "kind",
             kind + " of " + quote(apiVersion) + " is not used here, it is ignored");
}

// A required text of the object's top level.
std::optional<std::string> topText(const Value& root, std::string_view name) {
  const auto found = root.json().find(name);
  if (found == root.json().end() || found->is_null()) {
    root.report().add(Problem::Severity::error, std::string(name), "it is missing, expected text");
    return std::nullopt;
  }
  return Value(*found, root, name).text();
}

void warnTopLevel(const Value& root) {
  for (const auto& [key, value] : root.json().items()) {
    if (key == "apiVersion" || key == "kind" || key == "metadata" || key == "spec" || key == "status") continue;
    Value(value, root, key).warn("unknown field, it is ignored; the settings of this kind belong under spec");
  }
}

Decoded read(const Json& json, Report& report) {
  const Value root(json, report);
  if (!json.is_object()) {
    root.expected("a mapping with apiVersion, kind and metadata");
    return refused(report);
  }
  const auto apiVersion = topText(root, "apiVersion");
  const auto kindName = topText(root, "kind");
  if (!apiVersion || !kindName) return refused(report);
  const auto* info = findKind(*apiVersion, *kindName);
  if (info == nullptr) {
    explainUnknown(*apiVersion, *kindName, report);
    return refused(report);
  }
  report.strict = info->custom;

  static const Json kNothing;
  static const Json kEmpty = Json::object();
  const auto at = [&](const char* name) -> const Json& {
    const auto found = json.find(name);
    return found == json.end() ? kNothing : *found;
  };
  ObjectMeta meta;
  if (!readMeta(Value(at("metadata"), root, "metadata"), info->namespaced, meta)) return refused(report);

  ObjectPtr object;
  if (info->custom) {
    warnTopLevel(root);
    const Json& spec = at("spec");
    object =
        info->kind == Kind::workload_entry
            ? buildEntry(Value(spec.is_null() ? kEmpty : spec, root, "spec"), at("status"), std::move(meta), report)
            : buildKind(info->kind, Value(spec.is_null() ? kEmpty : spec, root, "spec"), std::move(meta), report);
  } else {
    object = buildKind(info->kind, root, std::move(meta), report);
  }
  return {object, object->problems};
}

}  // namespace

Decoded decode(const Json& object) {
  Report report;
  try {
    return read(object, report);
  } catch (const std::exception& e) {  // out of memory and the like: nothing above throws on its own
    return {nullptr, {{Problem::Severity::error, "", std::string("the object cannot be read: ") + e.what()}}};
  }
}

}  // namespace fairway::api
