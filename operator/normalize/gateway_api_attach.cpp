#include "normalize/gateway_api_attach.h"

#include <algorithm>
#include <type_traits>

#include "api/codec.h"
#include "api/core.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::Gateway;
using api::gateway_api::GrpcRoute;
using api::gateway_api::HttpRoute;
using api::gateway_api::ParentRef;
using api::gateway_api::TcpRoute;
using api::gateway_api::TlsRoute;
using Spec = api::gateway_api::GatewaySpec;

template <class Route>
constexpr store::Index indexOf() {
  if constexpr (std::is_same_v<Route, HttpRoute>) return store::Index::http_route_by_parent;
  if constexpr (std::is_same_v<Route, GrpcRoute>) return store::Index::grpc_route_by_parent;
  if constexpr (std::is_same_v<Route, TlsRoute>) return store::Index::tls_route_by_parent;
  return store::Index::tcp_route_by_parent;
}

bool allowsNamespace(store::View& view, const Spec::Listener& listener, const std::string& gatewayNs,
                     const std::string& ns) {
  switch (listener.from) {
    case Spec::From::same: return ns == gatewayNs;
    case Spec::From::all: return true;
    case Spec::From::none: return false;
    case Spec::From::selector: break;
  }
  const auto* object = view.get<api::Namespace>("", ns);
  auto labels = object == nullptr ? api::Labels{} : object->meta.labels;
  labels.emplace("kubernetes.io/metadata.name", ns);
  return listener.selector.selects(labels);
}

std::string describe(const ParentRef& parent) {
  std::string text = "Gateway " + parent.object.name;
  if (!parent.sectionName.empty()) text += " listener " + parent.sectionName;
  if (parent.port != 0) text += " port " + std::to_string(parent.port);
  return text;
}

}  // namespace

bool isServiceParent(const ParentRef& parent) { return parent.object.group.empty() && parent.object.kind == "Service"; }

std::vector<std::string> commonHosts(const RouteView& route, const std::string& hostname) {
  if (route.hostnames->empty()) return {hostname};
  std::vector<std::string> hosts;
  for (const auto& host : *route.hostnames) {
    if (auto common = intersectHosts(host, hostname)) hosts.push_back(std::move(*common));
  }
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

Attachment attach(store::View& view, const RouteView& route, std::size_t index, const Gateway& gateway,
                  const KubernetesGateway::Value& value) {
  const auto& parent = route.parents->at(index);
  const auto refuse = [](std::string reason, std::string message) {
    return Attachment{{std::move(reason), std::move(message)}, {}};
  };
  const Errors errors(*route.object);
  if (errors.atItem("spec.parentRefs", index)) return refuse("UnsupportedValue", "the reference has errors");
  // A host that cannot be read must not turn into every host.
  if (route.hostnames->empty() && errors.below("spec.hostnames")) {
    return refuse("UnsupportedValue", "the hostnames cannot be read");
  }
  std::vector<std::size_t> named, allowed, matching;
  for (std::size_t i = 0; i < value.listeners.size(); ++i) {
    const auto& listener = value.listeners[i];
    if (!parent.sectionName.empty() && parent.sectionName != listener.name) continue;
    if (parent.port != 0 && parent.port != listener.port) continue;
    named.push_back(i);
  }
  if (named.empty()) return refuse("NoMatchingParent", "there is no such listener: " + describe(parent));
  const auto kind = api::kindInfo(route.object->kind).name;
  for (const auto i : named) {
    const auto& kinds = value.listeners[i].kinds;
    if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) continue;
    if (allowsNamespace(view, gateway.spec.listeners[i], gateway.meta.ns, route.object->meta.ns)) allowed.push_back(i);
  }
  if (allowed.empty()) {
    return refuse("NotAllowedByListeners", describe(parent) + " takes no " + std::string(kind) + " of namespace " +
                                               route.object->meta.ns + ": see its protocol and allowedRoutes");
  }
  for (const auto i : allowed) {
    if (!commonHosts(route, value.listeners[i].hostname).empty()) matching.push_back(i);
  }
  if (matching.empty()) {
    return refuse("NoMatchingListenerHostname", "no hostname is one of " + describe(parent));
  }
  return {{}, std::move(matching)};
}

template <class Route>
std::vector<Attached<Route>> attachedTo(store::View& view, const Gateway& gateway,
                                        const KubernetesGateway::Value& value) {
  auto routes = view.lookup<Route>(indexOf<Route>(), store::parentKey("Gateway", gateway.meta.ns, gateway.meta.name));
  sortOldestFirst(routes);
  std::vector<Attached<Route>> result;
  for (const auto* route : routes) {
    Attached<Route> attached{route, {}};
    for (std::size_t i = 0; i < route->spec.parents.size(); ++i) {
      const auto& parent = route->spec.parents[i];
      if (parent.object.group != api::gateway_api::kGroup || parent.object.kind != "Gateway" ||
          parent.object.name != gateway.meta.name || namespaceOf(parent.object, *route) != gateway.meta.ns) {
        continue;
      }
      const auto attachment = attach(view, viewOf(*route), i, gateway, value);
      attached.listeners.insert(attached.listeners.end(), attachment.listeners.begin(), attachment.listeners.end());
    }
    auto& listeners = attached.listeners;
    std::sort(listeners.begin(), listeners.end());
    listeners.erase(std::unique(listeners.begin(), listeners.end()), listeners.end());
    if (!listeners.empty()) result.push_back(std::move(attached));
  }
  return result;
}

template <class Route>
std::vector<const Route*> attachedTo(store::View& view, const model::Service& service, std::uint32_t port,
                                     const std::string& clientNs) {
  if (service.kind != "Service") return {};
  auto routes = view.lookup<Route>(indexOf<Route>(), store::parentKey("Service", service.ns, service.name));
  const auto applies = [&](const Route* route) {
    const Errors errors(*route);
    for (std::size_t i = 0; i < route->spec.parents.size(); ++i) {
      const auto& parent = route->spec.parents[i];
      if (!isServiceParent(parent) || parent.object.name != service.name ||
          namespaceOf(parent.object, *route) != service.ns || errors.atItem("spec.parentRefs", i)) {
        continue;
      }
      if (parent.port == 0 || parent.port == port) return true;
    }
    return false;
  };
  std::erase_if(routes, [&](const Route* route) {
    return (route->meta.ns != clientNs && route->meta.ns != service.ns) || !applies(route);
  });
  const bool consumed =
      std::any_of(routes.begin(), routes.end(), [&](const Route* route) { return route->meta.ns == clientNs; });
  if (consumed) std::erase_if(routes, [&](const Route* route) { return route->meta.ns != clientNs; });
  sortOldestFirst(routes);
  return routes;
}

template std::vector<Attached<HttpRoute>> attachedTo(store::View&, const Gateway&, const KubernetesGateway::Value&);
template std::vector<Attached<GrpcRoute>> attachedTo(store::View&, const Gateway&, const KubernetesGateway::Value&);
template std::vector<Attached<TlsRoute>> attachedTo(store::View&, const Gateway&, const KubernetesGateway::Value&);
template std::vector<Attached<TcpRoute>> attachedTo(store::View&, const Gateway&, const KubernetesGateway::Value&);
template std::vector<const HttpRoute*> attachedTo(store::View&, const model::Service&, std::uint32_t,
                                                  const std::string&);
template std::vector<const GrpcRoute*> attachedTo(store::View&, const model::Service&, std::uint32_t,
                                                  const std::string&);

}  // namespace fairway::normalize
