#pragma once

#include <concepts>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "model/common.h"

namespace fairway::model {

struct ServicePort {
  std::string name;
  std::uint32_t number = 0;
  Protocol protocol = Protocol::tcp;
  std::string targetPort;  // number or name as text, never empty
  bool operator==(const ServicePort&) const = default;
};

// One host of the mesh's registry.
struct Service {
  enum class Resolution {
    endpoints,     // EDS
    original_dst,  // headless and no HTTP: the address the client chose
    dns,           // ExternalName, or the names of its endpoints: every address that DNS gives
    dns_one,       // the name of its endpoint: one of the addresses at a time
    dynamic_dns,   // the name that each request or connection asks for
  };
  std::string kind = "Service";  // of the object: Service or ServiceEntry
  std::string host;              // FQDN, lower case; of a ServiceEntry also a wildcard
  std::string ns;
  std::string name;
  Resolution resolution = Resolution::endpoints;
  bool headless = false;
  std::string externalName;
  std::vector<std::string> addresses;  // cluster IPs; empty when headless or external; of a ServiceEntry also ranges
  std::vector<ServicePort> ports;      // UDP ports are left out
  Labels selector;
  bool publishNotReady = false;              // endpoints count as healthy whatever their conditions say
  bool external = false;                     // outside the mesh: no mutual TLS unless a DestinationRule says so
  std::vector<std::string> exportTo;         // namespaces that see it; empty: all
  std::vector<std::string> subjectAltNames;  // that its certificates may have, besides what is known of its endpoints
  bool operator==(const Service&) const = default;

  [[nodiscard]] const ServicePort* port(std::uint32_t number) const;
};

struct Locality {
  std::string region, zone, subzone;
  auto operator<=>(const Locality&) const = default;
};

// Who asks: what decides about the traffic that a proxy sends. Proxies with equal ones share all configuration, so it
// holds only what makes a difference (normalize/clients.h).
struct Client {
  std::string ns;
  Labels labels;        // those that some rule looks at
  std::string sidecar;  // "namespace/name" of the Sidecar that says what it reaches; empty: everything
  // Name of the Telemetry of its namespace that is for it in particular; empty: none. Of use to listeners alone.
  std::string telemetry;
  Locality locality;  // empty where nothing depends on it

  Client() = default;
  // Of a namespace, without anything special.
  template <class Text>
  requires std::convertible_to<Text, std::string> Client(Text&& nameSpace)
      : ns(std::forward<Text>(nameSpace)) {}  // NOLINT(google-explicit-constructor)
  auto operator<=>(const Client&) const = default;
};

// One pod, as far as the mesh cares.
struct Workload {
  std::string ns;
  std::string name;
  std::string serviceAccount;
  std::string workload;  // of what runs the pod: a Deployment's name; of a bare pod its own
  Labels labels;
  std::vector<std::string> ips;
  Locality locality;
  std::string node;
  bool meshTls = false;  // label security.istio.io/tlsMode: istio - its proxy terminates mTLS
  std::map<std::string, std::uint32_t> namedPorts;  // TCP container ports by name
  bool operator==(const Workload&) const = default;
};

struct Endpoint {
  enum class Health { healthy, draining, unhealthy };
  std::string address;     // IP address; a name where the service resolves by DNS
  std::uint32_t port = 0;  // workload port
  Health health = Health::healthy;
  Locality locality;
  Labels labels;  // of the pod; subsets select on them
  std::string workloadNs, workloadName;
  std::string serviceAccount;  // empty when there is no pod behind the address
  bool meshTls = false;        // the workload has a proxy and its policy for this port is not DISABLE
  std::uint32_t weight = 1;
  auto operator<=>(const Endpoint&) const = default;
};

// A host's endpoints for one service port, sorted by address, each address once.
struct Endpoints {
  std::vector<Endpoint> endpoints;
  bool operator==(const Endpoints&) const = default;
};

}  // namespace fairway::model
