#pragma once

#include <string>
#include <vector>

#include "model/service.h"
#include "normalize/gateway_api_listeners.h"

// Which routes of the Gateway API belong to which listeners and services.
namespace fairway::normalize {

// What all kinds of routes have in common.
struct RouteView {
  const api::Object* object = nullptr;
  const std::vector<api::gateway_api::ParentRef>* parents = nullptr;
  const std::vector<std::string>* hostnames = nullptr;
};
template <class Route>
RouteView viewOf(const Route& route) {
  return {&route, &route.spec.parents, &route.spec.hostnames};
}

struct Attachment {
  Fault accepted;
  std::vector<std::size_t> listeners;  // of the Gateway; none where it is not accepted
};
// What becomes of parentRefs[index], which names this Gateway.
Attachment attach(store::View& view, const RouteView& route, std::size_t index,
                  const api::gateway_api::Gateway& gateway, const KubernetesGateway::Value& value);

// The hosts that a route and a listener have in common: of each pair the more specific one; "*": every host.
std::vector<std::string> commonHosts(const RouteView& route, const std::string& hostname);

// True if parentRefs[index] is a Service of the mesh; `port` (0: any) is the one that it is limited to.
bool isServiceParent(const api::gateway_api::ParentRef& parent);

// A route that is attached to one of the listeners of a Gateway, oldest first.
template <class Route>
struct Attached {
  const Route* route;
  std::vector<std::size_t> listeners;  // sorted, each once
};
template <class Route>
std::vector<Attached<Route>> attachedTo(store::View& view, const api::gateway_api::Gateway& gateway,
                                        const KubernetesGateway::Value& value);

// The routes of one kind that apply to a port of a Service for clients of a namespace: those of the clients' own
// namespace (consumer routes), else those of the Service's; oldest first.
template <class Route>
std::vector<const Route*> attachedTo(store::View& view, const model::Service& service, std::uint32_t port,
                                     const std::string& clientNs);

}  // namespace fairway::normalize
