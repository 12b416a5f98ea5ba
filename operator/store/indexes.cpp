#include "store/indexes.h"

#include <algorithm>

#include "api/core.h"
#include "api/gateway_api.h"
#include "api/networking.h"
#include "api/security.h"
#include "api/service_entry.h"
#include "base/strings.h"

namespace fairway::store {

std::string resolveHost(std::string_view host, std::string_view ns, const MeshConfig& mesh) {
  auto name = toLower(host);
  if (name.empty() || name == "*" || name.find('.') != std::string::npos) return name;
  return name + "." + toLower(ns) + ".svc." + toLower(mesh.clusterDomain);
}

std::string resolveGateway(std::string_view gateway, std::string_view ns) {
  if (gateway == "mesh") return "mesh";
  const auto slash = gateway.find('/');
  if (slash != std::string_view::npos) {
    const auto scope = gateway.substr(0, slash);
    return std::string(scope == "." ? ns : scope) + "/" + std::string(gateway.substr(slash + 1));
  }
  const auto dot = gateway.find('.');
  if (dot == std::string_view::npos) return std::string(ns) + "/" + std::string(gateway);
  const auto rest = gateway.substr(dot + 1);
  return std::string(rest.substr(0, rest.find('.'))) + "/" + std::string(gateway.substr(0, dot));
}

bool isPartialWildcard(std::string_view pattern) {
  return pattern.size() > 1 && pattern[0] == '*' && pattern[1] != '.';
}

// No host holds a '?'.
std::string partialWildcardsKey(std::string_view host) {
  const auto dot = std::min(host.find('.'), host.size());
  return "*?" + std::string(host.substr(dot));
}

namespace {

void addPattern(std::string pattern, std::vector<std::string>& keys) {
  if (isPartialWildcard(pattern)) keys.push_back(partialWildcardsKey(pattern));
  keys.push_back(std::move(pattern));
}

template <class Route>
std::vector<std::string> parentKeys(const api::Object& object) {
  std::vector<std::string> keys;
  for (const auto& parent : static_cast<const Route&>(object).spec.parents) {
    keys.push_back(parentKey(parent.object.kind, parent.object.ns.empty() ? object.meta.ns : parent.object.ns,
                             parent.object.name));
  }
  return keys;
}

bool looksAtLabels(const api::VirtualServiceSpec& spec) {
  const auto in = [](const auto& routes) {
    return std::any_of(routes.begin(), routes.end(), [](const auto& route) {
      return std::any_of(route.match.begin(), route.match.end(),
                         [](const auto& match) { return !match.sourceLabels.empty(); });
    });
  };
  return in(spec.http) || in(spec.tls) || in(spec.tcp);
}

void addTraits(const api::TrafficPolicySpec& policy, std::vector<std::string>& keys) {
  const auto& balancer = policy.loadBalancer;
  if (policy.outlierDetection || (balancer && balancer->locality)) keys.emplace_back("locality");
  if (balancer && balancer->locality && !balancer->locality->failoverPriority.empty()) keys.emplace_back("labels");
}

std::vector<std::string> clientTraits(const api::DestinationRule& rule) {
  std::vector<std::string> keys;
  const auto add = [&](const api::DestinationRuleSpec::Policy& policy) {
    addTraits(policy, keys);
    for (const auto& [port, part] : policy.ports) addTraits(part, keys);
  };
  add(rule.spec.trafficPolicy);
  for (const auto& subset : rule.spec.subsets) add(subset.trafficPolicy);
  if (!rule.spec.workloadSelector.empty()) keys.emplace_back("labels");
  return keys;
}

}  // namespace

std::string parentKey(std::string_view kind, std::string_view ns, std::string_view name) {
  return std::string(kind).append("/").append(ns).append("/").append(name);
}

api::Kind indexedKind(Index index) {
  switch (index) {
    case Index::virtual_service_by_host:
    case Index::virtual_service_by_gateway:
    case Index::virtual_service_by_client:
    case Index::virtual_service_by_delegate: return api::Kind::virtual_service;
    case Index::destination_rule_by_client:
    case Index::destination_rule_by_host: return api::Kind::destination_rule;
    case Index::endpoint_slice_by_service: return api::Kind::endpoint_slice;
    case Index::role_binding_by_role: return api::Kind::service_role_binding;
    case Index::service_entry_by_host: return api::Kind::service_entry;
    case Index::http_route_by_parent: return api::Kind::http_route;
    case Index::grpc_route_by_parent: return api::Kind::grpc_route;
    case Index::tls_route_by_parent: return api::Kind::tls_route;
    case Index::tcp_route_by_parent: return api::Kind::tcp_route;
    case Index::service_by_host: break;
  }
  return api::Kind::service;
}

std::vector<std::string> indexKeys(Index index, const api::Object& object, const MeshConfig& mesh) {
  if (object.kind != indexedKind(index)) return {};
  const auto& ns = object.meta.ns;
  std::vector<std::string> keys;
  switch (index) {
    case Index::virtual_service_by_host:
      for (const auto& host : static_cast<const api::VirtualService&>(object).spec.hosts) {
        addPattern(resolveHost(host, ns, mesh), keys);
      }
      break;
    case Index::virtual_service_by_gateway: {
      const auto& gateways = static_cast<const api::VirtualService&>(object).spec.gateways;
      if (gateways.empty()) keys.emplace_back("mesh");
      for (const auto& gateway : gateways) keys.push_back(resolveGateway(gateway, ns));
      break;
    }
    case Index::destination_rule_by_host:
      addPattern(resolveHost(static_cast<const api::DestinationRule&>(object).spec.host, ns, mesh), keys);
      break;
    case Index::endpoint_slice_by_service: {
      const auto& service = static_cast<const api::EndpointSlice&>(object).spec.service;
      if (!service.empty()) keys.push_back(ns + "/" + service);
      break;
    }
    case Index::role_binding_by_role: {
      const auto& role = static_cast<const api::ServiceRoleBinding&>(object).spec.roleName;
      if (!role.empty()) keys.push_back(ns + "/" + role);
      break;
    }
    case Index::service_by_host: keys.push_back(resolveHost(object.meta.name, ns, mesh)); break;
    case Index::virtual_service_by_client:
      if (looksAtLabels(static_cast<const api::VirtualService&>(object).spec)) keys.emplace_back("labels");
      break;
    case Index::virtual_service_by_delegate:
      for (const auto& rule : static_cast<const api::VirtualService&>(object).spec.http) {
        if (!rule.delegate) continue;
        keys.push_back((rule.delegate->ns.empty() ? ns : rule.delegate->ns) + "/" + rule.delegate->name);
      }
      break;
    case Index::destination_rule_by_client:
      keys = clientTraits(static_cast<const api::DestinationRule&>(object));
      break;
    case Index::service_entry_by_host: keys = static_cast<const api::ServiceEntry&>(object).spec.hosts; break;
    case Index::http_route_by_parent: keys = parentKeys<api::gateway_api::HttpRoute>(object); break;
    case Index::grpc_route_by_parent: keys = parentKeys<api::gateway_api::GrpcRoute>(object); break;
    case Index::tls_route_by_parent: keys = parentKeys<api::gateway_api::TlsRoute>(object); break;
    case Index::tcp_route_by_parent: keys = parentKeys<api::gateway_api::TcpRoute>(object); break;
  }
  keys.erase(std::remove(keys.begin(), keys.end(), std::string()), keys.end());
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

}  // namespace fairway::store
