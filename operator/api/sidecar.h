#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/networking.h"

// networking.istio.io Sidecar (v1alpha3, v1beta1, v1: one schema).
namespace fairway::api {

struct SidecarSpec {
  enum class Capture { automatic, iptables, none };
  struct Port {
    std::uint32_t number = 0;  // 0 where `bind` is a Unix socket
    std::string protocol;      // upper case: HTTP, HTTPS, GRPC, HTTP2, MONGO, TCP, TLS ...
    std::string name;
    bool operator==(const Port&) const = default;
  };
  struct Ingress {
    Port port;
    std::string bind;
    Capture capture = Capture::automatic;
    std::string defaultEndpoint;  // "127.0.0.1:80", "[::1]:80", "0.0.0.0:80", "[::]:80" or "unix:///path"; may be empty
    std::optional<GatewaySpec::Tls> tls;
    std::optional<TrafficPolicySpec::ConnectionPool> connectionPool;
    bool operator==(const Ingress&) const = default;
  };
  struct Egress {
    std::optional<Port> port;
    std::string bind;  // IP address or "unix:///path"
    Capture capture = Capture::automatic;
    std::vector<std::string> hosts;  // "[~]namespace/dns name"; namespace may be "*", "." or "~"
    bool operator==(const Egress&) const = default;
  };
  struct OutboundTrafficPolicy {
    bool registryOnly = true;  // else ALLOW_ANY
    std::optional<Destination> egressProxy;
    bool operator==(const OutboundTrafficPolicy&) const = default;
  };
  Labels workloadSelector;  // empty: all workloads of the namespace (of the root namespace: of the mesh)
  std::vector<Ingress> ingress;
  std::vector<Egress> egress;
  std::optional<OutboundTrafficPolicy> outboundTrafficPolicy;
  std::optional<TrafficPolicySpec::ConnectionPool> inboundConnectionPool;
  bool operator==(const SidecarSpec&) const = default;
};
using Sidecar = Typed<SidecarSpec, Kind::sidecar>;

}  // namespace fairway::api
