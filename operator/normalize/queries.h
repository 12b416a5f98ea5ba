#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/mesh.h"
#include "model/rate_limit.h"
#include "model/security.h"
#include "model/service.h"
#include "model/telemetry.h"
#include "model/traffic.h"

namespace fairway::store {
class Catalogue;
class View;
}  // namespace fairway::store

// What translation asks for: canonical values by name. Each is a derived value (store/view.h) that is
// computed from the users' objects by a function of this folder.
namespace fairway::normalize {

// What the mesh's ConfigMap says.
struct MeshSettingsOf {
  using Value = model::MeshSettings;
  static constexpr std::string_view kType = "mesh-settings";
  [[nodiscard]] std::string key() const { return {}; }
  static MeshSettingsOf parse(std::string_view) { return {}; }
};

// Hosts, wildcards included, for which a VirtualService routes the HTTP requests of sidecars, sorted. Some are not in
// the registry.
struct MeshRouteHosts {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "mesh-route-hosts";
  [[nodiscard]] std::string key() const { return {}; }
  static MeshRouteHosts parse(std::string_view) { return {}; }
};

// The hosts of the registry, sorted: of Services and ServiceEntries.
struct AllHosts {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "hosts";
  [[nodiscard]] std::string key() const { return {}; }
  static AllHosts parse(std::string_view) { return {}; }
};

// One host, if the registry has it.
struct ServiceOf {
  using Value = std::optional<model::Service>;
  static constexpr std::string_view kType = "service";
  std::string host;
  [[nodiscard]] std::string key() const& { return host; }
  [[nodiscard]] std::string key() && { return std::move(host); }
  static ServiceOf parse(std::string_view key);
};

// One pod.
struct WorkloadOf {
  using Value = std::optional<model::Workload>;
  static constexpr std::string_view kType = "workload";
  std::string ns, name;
  [[nodiscard]] std::string key() const;
  static WorkloadOf parse(std::string_view key);
};

// Hosts of the services whose selector matches a workload with these labels, sorted. A service without
// a selector has none.
struct WorkloadServices {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "workload-services";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static WorkloadServices parse(std::string_view key);
};

// The workload ports (container side) that services name for workloads with these labels, sorted by port.
struct InboundPortsOf {
  struct Port {
    std::uint32_t port = 0;
    // How the port is read where services differ: the first host decides, and of its ports the first. AuthorizationOf
    // speaks of HTTP attributes exactly where isHttp(protocol).
    model::Protocol protocol = model::Protocol::tcp;
    struct Backed {
      std::string host;  // FQDN of the service
      std::uint32_t servicePort = 0;
      model::Protocol protocol = model::Protocol::tcp;
      auto operator<=>(const Backed&) const = default;
    };
    std::vector<Backed> services;  // sorted
    bool operator==(const Port&) const = default;
  };
  using Value = std::vector<Port>;
  static constexpr std::string_view kType = "inbound-ports";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static InboundPortsOf parse(std::string_view key);
};

// The endpoints behind one port (service port number) of a host.
struct EndpointsOf {
  using Value = model::Endpoints;
  static constexpr std::string_view kType = "endpoints";
  std::string host;
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static EndpointsOf parse(std::string_view key);
};

// The SPIFFE IDs ("spiffe://td/ns/x/sa/y") that may serve a host: of the pods behind it, sorted.
struct IdentitiesOf {
  using Value = std::vector<std::string>;
  static constexpr std::string_view kType = "identities";
  std::string host;
  [[nodiscard]] std::string key() const& { return host; }
  [[nodiscard]] std::string key() && { return std::move(host); }
  static IdentitiesOf parse(std::string_view key);
};

// What DestinationRules say for one port of a host to some clients (v1alpha1.md 4.1 "lookup"). Of the client, namespace
// and labels count: see policyClient() in clients.h.
struct TrafficPolicyOf {
  using Value = model::PortTrafficPolicy;
  static constexpr std::string_view kType = "traffic-policy";
  model::Client client;
  std::string host;
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static TrafficPolicyOf parse(std::string_view key);
};

// Routes of one host and port for some sidecars (gateway "mesh"). Of the client, all but the locality counts.
struct RoutesOf {
  using Value = model::Routes;
  static constexpr std::string_view kType = "routes";
  model::Client client;
  std::string host;
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static RoutesOf parse(std::string_view key);
};

// The servers that apply to a gateway workload with these labels.
struct GatewayOf {
  using Value = model::GatewayConfig;
  static constexpr std::string_view kType = "gateway";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static GatewayOf parse(std::string_view key);
};

// The routes of one gateway server (or, for plain HTTP, of all servers of a port together).
struct GatewayRoutes {
  struct VirtualHost {
    std::string domain;  // "x.example.com", "*.example.com", "*"
    bool httpsRedirect = false;
    model::Routes routes;
    bool operator==(const VirtualHost&) const = default;
  };
  struct Value {
    // Sorted by domain. A host without a VirtualService is listed only if it redirects to HTTPS, without routes.
    std::vector<VirtualHost> hosts;
    std::vector<model::L4Route> tls, tcp;  // TLS passthrough and TCP servers
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "gateway-routes";
  std::string ns;  // of the gateway workload
  model::Labels labels;
  std::uint32_t port = 0;
  // HTTPS and other TLS servers: provenance.toString() of the one server; empty: all plain HTTP servers of the port.
  std::string server;
  [[nodiscard]] std::string key() const;
  static GatewayRoutes parse(std::string_view key);
};

struct PeerAuthenticationOf {
  using Value = model::PeerAuthentication;
  static constexpr std::string_view kType = "peer-authentication";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static PeerAuthenticationOf parse(std::string_view key);
};

// What is asked of end-user tokens of HTTP requests to one workload port (container side).
struct RequestAuthenticationOf {
  using Value = model::RequestAuthentication;
  static constexpr std::string_view kType = "request-authentication";
  std::string ns;
  model::Labels labels;
  std::uint32_t port = 0;
  [[nodiscard]] std::string key() const;
  static RequestAuthenticationOf parse(std::string_view key);
};

// What authorises requests to one workload port (container side) of a class of workloads.
struct AuthorizationOf {
  using Value = model::Authorization;
  static constexpr std::string_view kType = "authorization";
  std::string ns;
  model::Labels labels;
  std::string serviceAccount;
  std::uint32_t port = 0;  // 0: ports that no service names
  [[nodiscard]] std::string key() const;
  static AuthorizationOf parse(std::string_view key);
};

// How many requests workloads take: at their sidecars, or as gateways. Sorted by namespace and name, those of the root
// namespace first.
struct RateLimitsOf {
  using Value = std::vector<model::RateLimit>;
  static constexpr std::string_view kType = "rate-limits";
  std::string ns;
  model::Labels labels;
  bool gateway = false;
  [[nodiscard]] std::string key() const;
  static RateLimitsOf parse(std::string_view key);
};

// All rate limits that the rate limit service counts, sorted by namespace and name.
struct ServiceRateLimits {
  using Value = std::vector<model::RateLimit>;
  static constexpr std::string_view kType = "service-rate-limits";
  [[nodiscard]] std::string key() const { return {}; }
  static ServiceRateLimits parse(std::string_view) { return {}; }
};

// The Telemetry of its namespace that is for workloads with these labels in particular: its name. Empty: none.
struct TelemetryFor {
  using Value = std::string;
  static constexpr std::string_view kType = "telemetry-for";
  std::string ns;
  model::Labels labels;
  [[nodiscard]] std::string key() const;
  static TelemetryFor parse(std::string_view key);
};

// What the workloads of a namespace tell for which TelemetryFor has this answer. See also workloadTelemetry()
// (normalize/telemetry.h); of a sidecar's own requests the client has the name: {client.ns, client.telemetry}.
struct TelemetryOf {
  using Value = model::Telemetry;
  static constexpr std::string_view kType = "telemetry";
  std::string ns;
  std::string object;
  [[nodiscard]] std::string key() const;
  static TelemetryOf parse(std::string_view key);
};

// The TLS material of a gateway's credentialName; the secret must be in the gateway pod's namespace. Nothing if Envoy
// could not use it: the secret would be refused and its listener never open.
struct CredentialOf {
  struct Credential {
    std::string certificateChain, privateKey, caCertificates;  // PEM
    bool operator==(const Credential&) const = default;
  };
  using Value = std::optional<Credential>;
  static constexpr std::string_view kType = "credential";
  std::string ns, name;
  [[nodiscard]] std::string key() const;
  static CredentialOf parse(std::string_view key);
};

// Whether there is a secret of that name, usable or not.
struct SecretExists {
  using Value = bool;
  static constexpr std::string_view kType = "secret-exists";
  std::string ns, name;
  [[nodiscard]] std::string key() const;
  static SecretExists parse(std::string_view key);
};

// What stands in keys for a client and comes back from there: namespace, Sidecar, locality, then labels to the end.
std::string clientKey(const model::Client& client);
model::Client parseClientKey(std::string_view key);

// Tells the catalogue which function computes each of the above.
void registerQueries(store::Catalogue& catalogue);

}  // namespace fairway::normalize
