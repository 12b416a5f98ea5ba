#include "normalize/gateway_routes.h"

#include <algorithm>
#include <map>

#include "api/networking.h"
#include "normalize/delegates.h"
#include "normalize/gateway_api_routes.h"
#include "normalize/gateways.h"
#include "normalize/hosts.h"
#include "normalize/http_route.h"
#include "normalize/ingress.h"
#include "normalize/ingress_routes.h"
#include "normalize/l4_route.h"
#include "normalize/objects.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using Servers = std::vector<const model::GatewayServer*>;

std::string gatewayName(const model::GatewayServer& server) {
  return server.provenance.ns + "/" + server.provenance.name;
}

Servers serversOf(const model::GatewayConfig& config, const GatewayRoutes& query) {
  Servers servers;
  for (const auto& server : config.servers) {
    if (server.port != query.port) continue;
    const bool wanted = query.server.empty() ? !server.tls : server.provenance.toString() == query.server;
    if (wanted) servers.push_back(&server);
  }
  return servers;
}

void add(std::vector<BoundService>& services, const api::VirtualService& object, const std::string& gateway) {
  for (auto& known : services) {
    if (known.object != &object) continue;
    if (std::find(known.gateways.begin(), known.gateways.end(), gateway) == known.gateways.end()) {
      known.gateways.push_back(gateway);
    }
    return;
  }
  services.push_back({&object, {gateway}});
}

// The VirtualServices bound to a server's Gateway that the gateway workload sees.
std::vector<const api::VirtualService*> boundTo(store::View& view, const GatewayRoutes& query,
                                                const model::GatewayServer& server) {
  if (isKubernetesGateway(server)) return {};  // a Gateway of the other API may have the same name
  const auto gateway = gatewayName(server);
  auto objects = view.lookup<api::VirtualService>(store::Index::virtual_service_by_gateway, gateway);
  std::erase_if(objects, [&](const auto* object) {
    return !isBoundTo(*object, gateway) || !isVisibleTo(view, *object, query.ns);
  });
  return objects;
}

// The hosts that a VirtualService and a server have in common: of each pair the more specific one.
std::vector<std::string> commonHosts(store::View& view, const api::VirtualService& object,
                                     const model::GatewayServer& server) {
  std::vector<std::string> hosts;
  for (const auto& text : object.spec.hosts) {
    const auto host = store::resolveHost(text, object.meta.ns, view.mesh());
    if (host.empty()) continue;
    for (const auto& offered : server.hosts) {
      if (offered.ns != "*" && offered.ns != object.meta.ns) continue;
      if (auto common = intersectHosts(host, offered.dns)) hosts.push_back(std::move(*common));
    }
  }
  std::sort(hosts.begin(), hosts.end());
  hosts.erase(std::unique(hosts.begin(), hosts.end()), hosts.end());
  return hosts;
}

bool routesHttp(const model::GatewayServer& server) {
  if (isPlainHttp(server)) return true;
  // HTTPS is HTTP once the gateway has taken off its TLS; protocol TLS stays opaque.
  return server.tls && server.protocol == model::Protocol::https &&
         server.tls->mode != model::GatewayTls::Mode::passthrough;
}

bool passesThrough(const model::GatewayServer& server) {
  return server.tls && server.tls->mode == model::GatewayTls::Mode::passthrough;
}

struct Domain {
  bool httpsRedirect = false;
  std::vector<BoundService> services;
  std::vector<model::HttpRoute> ingress, kubernetes;  // of Ingresses, and of the Gateway API
};

// Plain HTTP has the rules of all Ingress objects; a TLS server those of its namespace, so that nobody else adds to the
// hosts of somebody's certificate.
void addIngresses(const RouteContext& context, const GatewayRoutes& query, const Servers& servers,
                  std::map<std::string, Domain>& domains) {
  const auto fromIngress = std::find_if(servers.begin(), servers.end(),
                                        [](const auto* server) { return server->provenance.kind == "Ingress"; });
  if (fromIngress == servers.end()) return;
  const auto& server = **fromIngress;
  auto ingresses = servedIngresses(context.view, query.labels);
  if (server.tls) {
    std::erase_if(ingresses, [&](const auto* ingress) { return ingress->meta.ns != server.provenance.ns; });
  }
  std::vector<std::string> hosts;
  for (const auto& host : server.hosts) hosts.push_back(host.dns);
  for (auto& [domain, routes] : ingressRoutes(context.view, ingresses, hosts)) {
    domains[domain].ingress = std::move(routes);
  }
}

std::vector<GatewayRoutes::VirtualHost> virtualHosts(const RouteContext& context, const GatewayRoutes& query,
                                                     const Servers& servers, const model::GatewayConfig& config) {
  std::map<std::string, Domain> domains;
  for (const auto* server : servers) {
    if (!routesHttp(*server)) continue;
    if (server->httpsRedirect) {
      // Its hosts are redirected even where nothing is routed.
      for (const auto& host : server->hosts) domains[host.dns].httpsRedirect = true;
    }
    const auto gateway = gatewayName(*server);
    for (const auto* object : boundTo(context.view, query, *server)) {
      if (object->spec.http.empty() && !Errors(*object).below("spec.http")) continue;
      for (const auto& host : commonHosts(context.view, *object, *server)) {
        auto& domain = domains[host];
        domain.httpsRedirect = domain.httpsRedirect || server->httpsRedirect;
        add(domain.services, *object, gateway);
      }
    }
  }
  addIngresses(context, query, servers, domains);
  Servers http = servers;
  std::erase_if(http, [](const auto* server) { return !routesHttp(*server); });
  for (auto& [domain, routes] : kubernetesHttpRoutes(context.view, query, http, config.servers)) {
    domains[domain].kubernetes = std::move(routes);
  }
  std::vector<GatewayRoutes::VirtualHost> result;
  for (auto& [name, domain] : domains) {
    GatewayRoutes::VirtualHost host;
    host.domain = name;
    host.httpsRedirect = domain.httpsRedirect;
    host.routes.defined = true;
    sortOldestFirst(domain.services);
    host.routes.http = httpRoutes(context, domain.services);
    appendIngressRoutes(context.view, host.routes.http, std::move(domain.ingress));
    appendIngressRoutes(context.view, host.routes.http, std::move(domain.kubernetes));
    result.push_back(std::move(host));
  }
  return result;
}

// VirtualServices with a host in common with one of the servers, each once, oldest first.
std::vector<BoundService> withCommonHost(store::View& view, const GatewayRoutes& query, const Servers& servers) {
  std::vector<BoundService> services;
  for (const auto* server : servers) {
    const auto gateway = gatewayName(*server);
    for (const auto* object : boundTo(view, query, *server)) {
      if (!commonHosts(view, *object, *server).empty()) add(services, *object, gateway);
    }
  }
  sortOldestFirst(services);
  return services;
}

}  // namespace

GatewayRoutes::Value gatewayRoutes(store::View& view, const GatewayRoutes& query) {
  GatewayRoutes::Value result;
  const auto& config = view.ask(GatewayOf{query.ns, query.labels});
  const auto servers = serversOf(config, query);
  model::Client client(query.ns);
  client.labels = query.labels;
  const RouteContext context{view, std::move(client), query.port};
  result.hosts = virtualHosts(context, query, servers, config);

  Servers passthrough, opaque;
  for (const auto* server : servers) {
    if (passesThrough(*server)) {
      passthrough.push_back(server);
    } else if (!routesHttp(*server)) {
      opaque.push_back(server);
    }
  }
  result.tls = tlsRoutes(context, withCommonHost(view, query, passthrough),
                         [&](const BoundService& service, const std::string& sni) {
                           std::vector<std::string> names;
                           for (const auto* server : passthrough) {
                             if (std::find(service.gateways.begin(), service.gateways.end(), gatewayName(*server)) ==
                                 service.gateways.end()) {
                               continue;
                             }
                             for (const auto& host : commonHosts(view, *service.object, *server)) {
                               if (auto common = intersectHosts(sni, host)) names.push_back(std::move(*common));
                             }
                           }
                           return names;
                         });
  result.tcp = tcpRoutes(context, withCommonHost(view, query, opaque));
  for (const auto* server : servers) {
    if (!isKubernetesGateway(*server) || routesHttp(*server)) continue;
    auto routes = server->tls ? kubernetesTlsRoutes(view, query.ns, *server, config.servers)
                              : kubernetesTcpRoutes(view, query.ns, *server);
    auto& to = server->tls ? result.tls : result.tcp;
    to.insert(to.end(), std::make_move_iterator(routes.begin()), std::make_move_iterator(routes.end()));
  }
  return result;
}

DelegatingGatewayRoots::Value delegatingGatewayRoots(store::View& view, const DelegatingGatewayRoots& query) {
  DelegatingGatewayRoots::Value result;
  const auto& of = query.of;
  Servers http = serversOf(view.ask(GatewayOf{of.ns, of.labels}), of);
  std::erase_if(http, [](const auto* server) { return !routesHttp(*server); });
  for (const auto& service : withCommonHost(view, of, http)) {
    if (delegates(*service.object)) result.push_back(provenanceOf(*service.object));
  }
  return result;
}

}  // namespace fairway::normalize
