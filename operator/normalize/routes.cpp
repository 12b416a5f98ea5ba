#include "normalize/routes.h"

#include <algorithm>

#include "api/networking.h"
#include "normalize/delegates.h"
#include "normalize/gateway_api_routes.h"
#include "normalize/host_owner.h"
#include "normalize/hosts.h"
#include "normalize/http_action.h"
#include "normalize/http_route.h"
#include "normalize/l4_route.h"
#include "normalize/objects.h"
#include "normalize/sidecars.h"

namespace fairway::normalize {

namespace {

// The VirtualServices that decide about a host: those for the most specific pattern over it that apply to the client
// at all. A less specific one adds nothing.
std::vector<BoundService> applicable(store::View& view, const model::Client& client, const std::string& host) {
  std::vector<BoundService> services;
  std::string pattern;
  const auto* sidecar = client.sidecar.empty() ? nullptr : &view.ask(SidecarOf{client.ns, client.sidecar});
  for (const auto& candidate : view.ask(HostVirtualServices{host})) {
    if (!services.empty() && candidate.pattern != pattern) break;
    const auto* object = view.get<api::VirtualService>(candidate.ns, candidate.name);
    if (object == nullptr || !isBoundTo(*object, kMesh) || !isVisibleTo(view, *object, client.ns)) continue;
    if (sidecar != nullptr && *sidecar && !imports(view, **sidecar, *object)) continue;
    if (!mayRoute(view, *object, host, client.ns)) continue;
    pattern = candidate.pattern;
    services.push_back({object, {std::string(kMesh)}});
  }
  sortOldestFirst(services);
  return services;
}

bool speaksHttp(const BoundService& service) {
  return !service.object->spec.http.empty() || Errors(*service.object).below("spec.http");
}

// The host's own service, as if no VirtualService spoke of its HTTP traffic.
model::HttpRoute routeToItself(store::View& view, const RoutesOf& query, const BoundService& service) {
  model::HttpRoute route;
  model::HttpRoute::Weighted self;
  self.destination.host = query.host;
  self.destination.port = query.port;
  self.weight = 100;
  route.destinations.push_back(std::move(self));
  route.retries = defaultRetries(view);
  route.provenance = provenanceOf(*service.object);
  return route;
}

}  // namespace

RoutesOf::Value routesOf(store::View& view, const RoutesOf& query) {
  RoutesOf::Value result;
  auto own = meshHttpRoutes(view, query);
  const auto services = applicable(view, query.client, query.host);
  result.defined = !own.empty() || !services.empty();
  if (services.empty()) {
    result.http = std::move(own);
    return result;
  }

  const RouteContext context{view, query.client, query.port};
  result.http = own.empty() ? httpRoutes(context, services) : std::move(own);
  if (result.http.empty() && std::none_of(services.begin(), services.end(), speaksHttp)) {
    const auto& service = view.ask(ServiceOf{query.host});
    if (service && service->port(query.port) != nullptr)
      result.http.push_back(routeToItself(view, query, services.front()));
  }
  result.tls = tlsRoutes(context, services, [&](const BoundService&, const std::string& sni) {
    const auto host = intersectHosts(sni, query.host);
    return host ? std::vector<std::string>{*host} : std::vector<std::string>{};
  });
  result.tcp = tcpRoutes(context, services);
  return result;
}

DelegatingRoots::Value delegatingRoots(store::View& view, const DelegatingRoots& query) {
  DelegatingRoots::Value result;
  for (const auto& service : applicable(view, query.client, query.host)) {
    if (delegates(*service.object)) result.push_back(provenanceOf(*service.object));
  }
  return result;
}

}  // namespace fairway::normalize
