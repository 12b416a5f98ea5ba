#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/sidecar.h"
#include "normalize/queries.h"
#include "resources.h"
#include "translate/units.h"

namespace fairway::translate::test {

// A mesh as normalisation would present it, for tests of translation alone.
struct World {
  model::MeshSettings settings;
  std::vector<std::string> routedHosts;            // of sidecars' VirtualServices, sorted
  std::map<std::string, model::Service> services;  // by host
  std::map<std::pair<std::string, std::string>, model::Workload> workloads;
  std::optional<model::Workload> machine;  // of every proxy without a pod
  std::map<std::pair<std::string, std::uint32_t>, std::vector<model::Endpoint>> endpoints;  // by host and port
  std::map<std::string, std::vector<std::string>> identities;
  std::map<std::pair<std::string, std::uint32_t>, model::PortTrafficPolicy> policies;
  std::map<std::pair<std::string, std::uint32_t>, model::Routes> routes;
  model::GatewayConfig gateway;
  std::map<std::pair<std::uint32_t, std::string>, normalize::GatewayRoutes::Value> gatewayRoutes;  // by port and server
  model::PeerAuthentication peers;
  std::map<std::uint32_t, model::Authorization> authorization;  // by workload port
  model::RequestAuthentication tokens;                          // of every port
  std::optional<model::Telemetry> telemetry;  // of every workload; none: the access log of the settings, no metrics
  std::vector<model::RateLimit> rateLimits;   // of every workload; those with a service are its, too
  std::map<std::pair<std::string, std::string>, normalize::CredentialOf::Credential> credentials;
  std::optional<model::Sidecar> sidecar;                        // of every workload
  std::vector<std::vector<std::string>> imported;               // by its egress listeners, sorted
  std::set<std::pair<std::string, std::string>> brokenSecrets;  // that are there and give no credential

  // A ServiceEntry outside the mesh, without addresses.
  model::Service& addEntry(const std::string& ns, const std::string& host, std::vector<model::ServicePort> ports,
                           model::Service::Resolution resolution);
  // A service of namespace `ns` with a cluster IP; returns it for changes.
  model::Service& addService(const std::string& ns, const std::string& name, std::vector<model::ServicePort> ports);
  // A meshed endpoint of it, ready.
  model::Endpoint& addEndpoint(const std::string& host, std::uint32_t port, const std::string& address,
                               std::uint32_t workloadPort);
};

std::string hostOf(const std::string& ns, const std::string& name);
model::ServicePort port(const std::string& name, std::uint32_t number, model::Protocol protocol,
                        const std::string& target = {});

Resources resourcesOf(const World& world, const Proxy& proxy);

// A sidecar, a gateway, with and without interception.
Proxy sidecar(const std::string& ns = "default");
Proxy bareSidecar(const std::string& ns = "default");
Proxy gatewayProxy();

}  // namespace fairway::translate::test
