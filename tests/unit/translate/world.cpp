#include "world.h"

#include "normalize/clients.h"
#include "normalize/delegates.h"
#include "normalize/envoy_filters.h"
#include "normalize/sidecars.h"
#include "normalize/workload_entries.h"

namespace fairway::translate::test {

namespace {

// The catalogue takes plain functions, so the world of the running test is found here.
const World* current = nullptr;

template <class Map, class Key>
typename Map::mapped_type find(const Map& map, const Key& key) {
  const auto found = map.find(key);
  return found == map.end() ? typename Map::mapped_type{} : found->second;
}

normalize::MeshSettingsOf::Value settings(store::View&, const normalize::MeshSettingsOf&) { return current->settings; }
normalize::MeshRouteHosts::Value routedHosts(store::View&, const normalize::MeshRouteHosts&) {
  return current->routedHosts;
}
normalize::SecretExists::Value secretExists(store::View&, const normalize::SecretExists& query) {
  return current->credentials.contains({query.ns, query.name}) ||
         current->brokenSecrets.contains({query.ns, query.name});
}
normalize::AllHosts::Value allHosts(store::View&, const normalize::AllHosts&) {
  std::vector<std::string> hosts;
  for (const auto& [host, service] : current->services) hosts.push_back(host);
  return hosts;
}
normalize::ServiceOf::Value serviceOf(store::View&, const normalize::ServiceOf& query) {
  const auto found = current->services.find(query.host);
  if (found == current->services.end()) return std::nullopt;
  return found->second;
}
normalize::WorkloadOf::Value workloadOf(store::View&, const normalize::WorkloadOf& query) {
  const auto found = current->workloads.find({query.ns, query.name});
  if (found == current->workloads.end()) return std::nullopt;
  return found->second;
}
normalize::MachineOf::Value machineOf(store::View&, const normalize::MachineOf&) { return current->machine; }
normalize::WorkloadServices::Value workloadServices(store::View&, const normalize::WorkloadServices& query) {
  std::vector<std::string> hosts;
  for (const auto& [host, service] : current->services) {
    if (service.ns == query.ns && !service.selector.empty() && api::selects(service.selector, query.labels)) {
      hosts.push_back(host);
    }
  }
  return hosts;
}
normalize::EndpointsOf::Value endpointsOf(store::View&, const normalize::EndpointsOf& query) {
  return {find(current->endpoints, std::pair(query.host, query.port))};
}
normalize::IdentitiesOf::Value identitiesOf(store::View&, const normalize::IdentitiesOf& query) {
  return find(current->identities, query.host);
}
normalize::TrafficPolicyOf::Value trafficPolicyOf(store::View&, const normalize::TrafficPolicyOf& query) {
  return find(current->policies, std::pair(query.host, query.port));
}
normalize::RoutesOf::Value routesOf(store::View&, const normalize::RoutesOf& query) {
  return find(current->routes, std::pair(query.host, query.port));
}
normalize::GatewayOf::Value gatewayOf(store::View&, const normalize::GatewayOf&) { return current->gateway; }
normalize::GatewayRoutes::Value gatewayRoutes(store::View&, const normalize::GatewayRoutes& query) {
  return find(current->gatewayRoutes, std::pair(query.port, query.server));
}
normalize::PeerAuthenticationOf::Value peersOf(store::View&, const normalize::PeerAuthenticationOf&) {
  return current->peers;
}
normalize::RequestAuthenticationOf::Value tokensOf(store::View&, const normalize::RequestAuthenticationOf&) {
  return current->tokens;
}
normalize::TelemetryFor::Value telemetryFor(store::View&, const normalize::TelemetryFor&) { return {}; }
normalize::TelemetryOf::Value telemetryOf(store::View&, const normalize::TelemetryOf&) {
  if (current->telemetry) return *current->telemetry;
  normalize::TelemetryOf::Value result;
  result.client.metrics.enabled = result.server.metrics.enabled = false;
  const auto& settings = current->settings;
  if (settings.accessLogFile.empty()) return result;
  model::FileLog log{settings.accessLogFile, {}, settings.accessLogJson, false};
  (log.json ? log.format.json : log.format.text) = settings.accessLogFormat;
  result.client.logs = result.server.logs = {{"envoy", log, {}}};
  return result;
}
normalize::RateLimitsOf::Value rateLimitsOf(store::View&, const normalize::RateLimitsOf&) {
  return current->rateLimits;
}
normalize::ServiceRateLimits::Value serviceRateLimits(store::View&, const normalize::ServiceRateLimits&) {
  return current->rateLimits;
}
normalize::AuthorizationOf::Value authorizationOf(store::View&, const normalize::AuthorizationOf& query) {
  return find(current->authorization, query.port);
}
normalize::CredentialOf::Value credentialOf(store::View&, const normalize::CredentialOf& query) {
  const auto found = current->credentials.find({query.ns, query.name});
  if (found == current->credentials.end()) return std::nullopt;
  return found->second;
}

// No EnvoyFilters here: patches_test.cpp has them.
normalize::EnvoyFiltersIn::Value noFilters(store::View&, const normalize::EnvoyFiltersIn&) { return false; }

normalize::SidecarFor::Value sidecarFor(store::View&, const normalize::SidecarFor&) {
  return current->sidecar ? "default/sidecar" : "";
}
normalize::SidecarOf::Value sidecarOf(store::View&, const normalize::SidecarOf& query) {
  return query.sidecar.empty() ? std::nullopt : current->sidecar;
}
normalize::EgressHosts::Value egressHosts(store::View&, const normalize::EgressHosts& query) {
  return query.listener < current->imported.size() ? current->imported[query.listener] : std::vector<std::string>();
}
normalize::ReachedHosts::Value reachedHosts(store::View&, const normalize::ReachedHosts&) {
  std::set<std::string> hosts;
  for (const auto& list : current->imported) hosts.insert(list.begin(), list.end());
  return {hosts.begin(), hosts.end()};
}
normalize::ClientOf::Value clientOf(store::View& view, const normalize::ClientOf& query) {
  model::Client client(query.ns);
  client.labels = query.labels;
  client.locality = query.locality;
  client.sidecar = sidecarFor(view, {});
  return client;
}
normalize::DelegatingRoots::Value roots(store::View&, const normalize::DelegatingRoots&) { return {}; }
normalize::DelegatingGatewayRoots::Value gatewayRoots(store::View&, const normalize::DelegatingGatewayRoots&) {
  return {};
}
normalize::HostTraits::Value hostTraits(store::View&, const normalize::HostTraits& query) {
  normalize::ClientTraits traits;
  if (const auto found = current->services.find(query.host); found != current->services.end()) {
    traits.namespaces.insert(found->second.ns);
  }
  traits.locality = true;
  traits.names = {"rack", normalize::kHostnameLabel};
  return traits;
}

const store::Catalogue& catalogue() {
  static const store::Catalogue instance = [] {
    store::Catalogue c;
    c.add<normalize::MeshSettingsOf>(settings);
    c.add<normalize::MeshRouteHosts>(routedHosts);
    c.add<normalize::SecretExists>(secretExists);
    c.add<normalize::AllHosts>(allHosts);
    c.add<normalize::ServiceOf>(serviceOf);
    c.add<normalize::WorkloadOf>(workloadOf);
    c.add<normalize::MachineOf>(machineOf);
    c.add<normalize::WorkloadServices>(workloadServices);
    c.add<normalize::EndpointsOf>(endpointsOf);
    c.add<normalize::IdentitiesOf>(identitiesOf);
    c.add<normalize::TrafficPolicyOf>(trafficPolicyOf);
    c.add<normalize::RoutesOf>(routesOf);
    c.add<normalize::GatewayOf>(gatewayOf);
    c.add<normalize::GatewayRoutes>(gatewayRoutes);
    c.add<normalize::PeerAuthenticationOf>(peersOf);
    c.add<normalize::RequestAuthenticationOf>(tokensOf);
    c.add<normalize::RateLimitsOf>(rateLimitsOf);
    c.add<normalize::TelemetryFor>(telemetryFor);
    c.add<normalize::TelemetryOf>(telemetryOf);
    c.add<normalize::ServiceRateLimits>(serviceRateLimits);
    c.add<normalize::AuthorizationOf>(authorizationOf);
    c.add<normalize::CredentialOf>(credentialOf);
    c.add<normalize::EnvoyFiltersIn>(noFilters);
    c.add<normalize::SidecarFor>(sidecarFor);
    c.add<normalize::SidecarOf>(sidecarOf);
    c.add<normalize::EgressHosts>(egressHosts);
    c.add<normalize::ReachedHosts>(reachedHosts);
    c.add<normalize::ClientOf>(clientOf);
    c.add<normalize::HostTraits>(hostTraits);
    c.add<normalize::DelegatingRoots>(roots);
    c.add<normalize::DelegatingGatewayRoots>(gatewayRoots);
    registerUnits(c);
    return c;
  }();
  return instance;
}

}  // namespace

std::string hostOf(const std::string& ns, const std::string& name) { return name + "." + ns + ".svc.cluster.local"; }

model::ServicePort port(const std::string& name, std::uint32_t number, model::Protocol protocol,
                        const std::string& target) {
  return {name, number, protocol, target.empty() ? std::to_string(number) : target};
}

model::Service& World::addService(const std::string& ns, const std::string& name,
                                  std::vector<model::ServicePort> ports) {
  model::Service service;
  service.host = hostOf(ns, name);
  service.ns = ns;
  service.name = name;
  service.ports = std::move(ports);
  service.selector = {{"app", name}};
  service.addresses = {"10.96.0." + std::to_string(services.size() + 1)};
  identities[service.host] = {"spiffe://cluster.local/ns/" + ns + "/sa/" + name};
  return services[service.host] = service;
}

model::Service& World::addEntry(const std::string& ns, const std::string& host, std::vector<model::ServicePort> ports,
                                model::Service::Resolution resolution) {
  model::Service service;
  service.kind = "ServiceEntry";
  service.host = host;
  service.ns = ns;
  service.name = "entry";
  service.ports = std::move(ports);
  service.resolution = resolution;
  service.external = true;
  return services[host] = service;
}

model::Endpoint& World::addEndpoint(const std::string& host, std::uint32_t number, const std::string& address,
                                    std::uint32_t workloadPort) {
  model::Endpoint endpoint;
  endpoint.address = address;
  endpoint.port = workloadPort;
  endpoint.meshTls = true;
  auto& list = endpoints[{host, number}];
  list.push_back(endpoint);
  return list.back();
}

Resources resourcesOf(const World& world, const Proxy& proxy) {
  current = &world;
  UnitView view(catalogue());
  return collect(view, proxy);
}

Proxy sidecar(const std::string& ns) {
  Proxy proxy;
  proxy.ns = ns;
  proxy.pod = "client-1";
  proxy.serviceAccount = "client";
  proxy.labels = {{"app", "client"}};
  proxy.ips = {"10.244.0.9"};
  return proxy;
}

Proxy bareSidecar(const std::string& ns) {
  auto proxy = sidecar(ns);
  proxy.interception = Interception::none;
  proxy.outboundAddress = "127.0.1.9";
  proxy.ips = {"127.0.0.9"};
  return proxy;
}

Proxy gatewayProxy() {
  Proxy proxy;
  proxy.type = ProxyType::gateway;
  proxy.ns = "istio-system";
  proxy.pod = "ingress-1";
  proxy.serviceAccount = "ingress";
  proxy.labels = {{"istio", "ingressgateway"}};
  return proxy;
}

}  // namespace fairway::translate::test
