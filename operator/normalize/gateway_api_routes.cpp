#include "normalize/gateway_api_routes.h"

#include <algorithm>
#include <set>

#include "normalize/gateway_api_attach.h"
#include "normalize/gateway_api_http.h"
#include "normalize/hosts.h"
#include "normalize/http_match.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::Gateway;
using api::gateway_api::GrpcRoute;
using api::gateway_api::HttpRoute;
using api::gateway_api::TcpRoute;
using api::gateway_api::TlsRoute;
using Servers = std::vector<const model::GatewayServer*>;

constexpr std::uint32_t kMisdirected = 421;

const Gateway* gatewayOf(store::View& view, const model::GatewayServer& server) {
  return view.get<Gateway>(server.provenance.ns, server.provenance.name);
}

const std::string& hostnameOf(const model::GatewayServer& server) { return server.hosts.front().dns; }

// The hostnames of the listeners among which those of this server's port are told apart.
std::vector<std::string> hostnamesBeside(const model::GatewayServer& server,
                                         const std::vector<model::GatewayServer>& all) {
  std::vector<std::string> names;
  for (const auto& other : all) {
    if (isKubernetesGateway(other) && other.port == server.port && other.tls.has_value() == server.tls.has_value()) {
      names.push_back(hostnameOf(other));
    }
  }
  return names;
}

// Whether the host belongs to the listener with this hostname.
bool owns(const std::string& hostname, const std::string& host, const std::vector<std::string>& hostnames) {
  return std::none_of(hostnames.begin(), hostnames.end(), [&](const std::string& other) {
    return other != hostname && (other == host || matchesHost(other, host)) && moreSpecificHost(other, hostname);
  });
}

// A route as it is attached to one listener, for one of the hosts that they have in common.
struct Placed {
  std::string host, hostname;  // of the route, of the listener
  const api::Object* object;
  const std::vector<RankedRoute>* routes;
};

class Table {
 public:
  Table(store::View& view, const GatewayRoutes& query, const std::vector<model::GatewayServer>& all)
      : view_(view), query_(query), all_(all) {}

  void add(const model::GatewayServer& server) {
    const auto* gateway = gatewayOf(view_, server);
    if (gateway == nullptr) return;
    const auto& value = view_.ask(KubernetesGateway{gateway->meta.ns, gateway->meta.name});
    hostnames_ = hostnamesBeside(server, all_);
    domains_.insert(hostnameOf(server));
    add<HttpRoute>(server, *gateway, value);
    add<GrpcRoute>(server, *gateway, value);
  }

  std::map<std::string, std::vector<model::HttpRoute>> routes() const {
    std::map<std::string, std::vector<model::HttpRoute>> result;
    for (const auto& domain : domains_) result.emplace(domain, routesOf(domain));
    return result;
  }

 private:
  template <class Route>
  void add(const model::GatewayServer& server, const Gateway& gateway, const KubernetesGateway::Value& value) {
    const auto index = listenerOf(server);
    const RulePlace place{query_.ns, server.port, server.tls.has_value()};
    for (const auto& attached : attachedTo<Route>(view_, gateway, value)) {
      if (std::find(attached.listeners.begin(), attached.listeners.end(), index) == attached.listeners.end()) continue;
      const api::Object* object = attached.route;
      if (!ranked_.contains(object)) ranked_.emplace(object, rankedRoutes(view_, *attached.route, place));
      for (const auto& host : commonHosts(viewOf(*attached.route), hostnameOf(server))) {
        if (!owns(hostnameOf(server), host, hostnames_)) continue;
        domains_.insert(host);
        placed_.push_back({host, hostnameOf(server), object, &ranked_.at(object)});
      }
    }
  }

  // Of the hosts over the domain the most specific comes first, then what the matches say.
  std::vector<model::HttpRoute> routesOf(const std::string& domain) const {
    std::map<std::string, std::vector<const Placed*>, bool (*)(const std::string&, const std::string&)> byHost(
        [](const std::string& a, const std::string& b) { return moreSpecificHost(a, b); });
    for (const auto& placed : placed_) {
      const bool over = placed.host == domain || matchesHost(placed.host, domain);
      if (over && owns(placed.hostname, domain, hostnames_)) byHost[placed.host].push_back(&placed);
    }
    std::vector<model::HttpRoute> result;
    for (auto& [host, list] : byHost) {
      std::stable_sort(list.begin(), list.end(),
                       [](const auto* a, const auto* b) { return olderThan(*a->object, *b->object); });
      std::vector<RankedRoute> ranked;
      for (const auto* placed : list) ranked.insert(ranked.end(), placed->routes->begin(), placed->routes->end());
      for (auto& route : inOrder(std::move(ranked))) {
        const bool last = isCatchAll(route.matches);
        result.push_back(std::move(route));
        if (last) return result;
      }
    }
    return result;
  }

  store::View& view_;
  const GatewayRoutes& query_;
  const std::vector<model::GatewayServer>& all_;
  std::vector<std::string> hostnames_;
  std::set<std::string> domains_;
  std::map<const api::Object*, std::vector<RankedRoute>> ranked_;
  std::vector<Placed> placed_;
};

template <class Route>
model::L4Route l4Route(store::View& view, const Route& route, const std::string& clientNs) {
  model::L4Route to;
  to.provenance = provenanceOf(route, "rules[0]");
  if (route.spec.rules.size() > 1) {
    warning(view, provenanceOf(route), "spec.rules", "only the first rule counts: nothing tells connections apart");
  }
  if (!route.spec.rules.empty() && !Errors(route).atItem("spec.rules", 0)) {
    const auto& backends = route.spec.rules.front().backends;
    for (std::size_t i = 0; i < backends.size(); ++i) {
      if (backends[i].weight == 0) continue;
      auto backend = backendOf(view, route, backends[i].object, backends[i].port, clientNs);
      if (!backend.fault.ok()) {
        error(view, to.provenance, "spec.rules[0].backendRefs[" + std::to_string(i) + "]",
              backend.fault.message + ": connections that are sent there are closed");
      }
      to.destinations.push_back({std::move(backend.destination), backends[i].weight});
    }
  }
  return to;
}

}  // namespace

bool isKubernetesGateway(const model::GatewayServer& server) {
  static const std::string kind = provenanceOf(Gateway()).kind;
  return server.provenance.kind == kind;
}

std::map<std::string, std::vector<model::HttpRoute>> kubernetesHttpRoutes(
    store::View& view, const GatewayRoutes& query, const Servers& servers,
    const std::vector<model::GatewayServer>& all) {
  Table table(view, query, all);
  for (const auto* server : servers) {
    if (isKubernetesGateway(*server)) table.add(*server);
  }
  auto result = table.routes();
  for (const auto* server : servers) {
    if (!isKubernetesGateway(*server) || !server->tls) continue;
    for (const auto& hostname : hostnamesBeside(*server, all)) {
      if (hostname == hostnameOf(*server)) continue;
      model::HttpRoute route;
      route.directResponse = model::HttpRoute::DirectResponse{kMisdirected, ""};
      route.provenance = server->provenance;
      result.emplace(hostname, std::vector{std::move(route)});
    }
  }
  return result;
}

std::vector<model::L4Route> kubernetesTlsRoutes(store::View& view, const std::string& clientNs,
                                                const model::GatewayServer& server,
                                                const std::vector<model::GatewayServer>& all) {
  std::vector<model::L4Route> result;
  const auto* gateway = gatewayOf(view, server);
  if (gateway == nullptr) return result;
  const auto& value = view.ask(KubernetesGateway{gateway->meta.ns, gateway->meta.name});
  const auto hostnames = hostnamesBeside(server, all);
  for (const auto& attached : attachedTo<TlsRoute>(view, *gateway, value)) {
    const auto& listeners = attached.listeners;
    if (std::find(listeners.begin(), listeners.end(), listenerOf(server)) == listeners.end()) continue;
    auto route = l4Route(view, *attached.route, clientNs);
    for (auto& host : commonHosts(viewOf(*attached.route), hostnameOf(server))) {
      if (owns(hostnameOf(server), host, hostnames)) route.sniHosts.push_back(std::move(host));
    }
    if (!route.sniHosts.empty()) result.push_back(std::move(route));
  }
  return result;
}

std::vector<model::L4Route> kubernetesTcpRoutes(store::View& view, const std::string& clientNs,
                                                const model::GatewayServer& server) {
  std::vector<model::L4Route> result;
  const auto* gateway = gatewayOf(view, server);
  if (gateway == nullptr) return result;
  const auto& value = view.ask(KubernetesGateway{gateway->meta.ns, gateway->meta.name});
  for (const auto& attached : attachedTo<TcpRoute>(view, *gateway, value)) {
    const auto& listeners = attached.listeners;
    if (std::find(listeners.begin(), listeners.end(), listenerOf(server)) == listeners.end()) continue;
    result.push_back(l4Route(view, *attached.route, clientNs));
  }
  return result;
}

std::vector<model::HttpRoute> meshHttpRoutes(store::View& view, const RoutesOf& query) {
  const auto& service = view.ask(ServiceOf{query.host});
  if (!service || service->port(query.port) == nullptr) return {};
  const RulePlace place{query.client.ns, query.port, false};
  const auto http = attachedTo<HttpRoute>(view, *service, query.port, query.client.ns);
  const auto grpc = attachedTo<GrpcRoute>(view, *service, query.port, query.client.ns);
  std::vector<const api::Object*> objects(http.begin(), http.end());
  objects.insert(objects.end(), grpc.begin(), grpc.end());
  std::stable_sort(objects.begin(), objects.end(), [](const auto* a, const auto* b) { return olderThan(*a, *b); });
  // Of both kinds, those of the client's own namespace are alone.
  const bool consumed = std::any_of(objects.begin(), objects.end(),
                                    [&](const auto* object) { return object->meta.ns == query.client.ns; });
  std::vector<RankedRoute> ranked;
  for (const auto* object : objects) {
    if (consumed && object->meta.ns != query.client.ns) continue;
    auto routes = object->kind == api::Kind::http_route
                      ? rankedRoutes(view, static_cast<const HttpRoute&>(*object), place)
                      : rankedRoutes(view, static_cast<const GrpcRoute&>(*object), place);
    ranked.insert(ranked.end(), std::make_move_iterator(routes.begin()), std::make_move_iterator(routes.end()));
  }
  return inOrder(std::move(ranked));
}

}  // namespace fairway::normalize
