#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/mesh.h"
#include "model/traffic.h"

namespace fairway::model {

// What a Sidecar object says to the proxies of one namespace that it is for.
struct Sidecar {
  // Hosts to be reached, or with `exclude` not, as "namespace/name": each may be "*", the name also begin with "*.".
  struct Import {
    std::string ns, dns;
    bool exclude = false;
    bool operator==(const Import&) const = default;
  };
  struct Egress {
    std::uint32_t port = 0;  // 0: hosts are reached at their own ports, or `bind` is a Unix socket
    Protocol protocol = Protocol::http;
    bool forwardProxy = false;  // HTTP_PROXY: requests may name every host and port
    std::string bind;           // an IP address or "unix:///path"; empty: as for services without an address
    bool captured = true;       // connections come by interception; else the app makes them to the listener
    std::vector<Import> imports;
    std::string field;  // "spec.egress[0]"
    bool operator==(const Egress&) const = default;

    [[nodiscard]] bool atSocket() const { return bind.starts_with("unix://"); }
    // Has a socket of its own, and a route configuration.
    [[nodiscard]] bool bound() const { return port != 0 ? !captured || !bind.empty() || forwardProxy : atSocket(); }
  };
  struct Ingress {
    std::uint32_t port = 0;
    Protocol protocol = Protocol::tcp;
    std::string bind;
    bool captured = true;
    std::string
        endpoint;  // where the app listens: "127.0.0.1:80", "0.0.0.0:80", "unix:///path"; empty: the port itself
    std::optional<GatewayTls> tls;  // of clients outside the mesh
    std::optional<TrafficPolicy::ConnectionPool> pool;
    std::string field;
    bool operator==(const Ingress&) const = default;
  };
  std::vector<Egress> egress;
  std::vector<Ingress> ingress;  // empty: the ports of the workload's services
  std::optional<MeshSettings::Outbound> outbound;
  std::optional<Destination> egressProxy;  // where requests to unknown hosts go
  std::optional<TrafficPolicy::ConnectionPool> inboundPool;
  Provenance provenance;
  bool operator==(const Sidecar&) const = default;
};

}  // namespace fairway::model
