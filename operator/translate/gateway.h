#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "translate/resource.h"
#include "translate/scopes.h"

namespace fairway::translate {

// The workload port of each server port of a gateway, and the other way round. A server port that is a port
// of a Service that selects the gateway stands for that Service's target port, else for itself.
struct GatewayPorts {
  using Value = std::map<std::uint32_t, std::vector<std::uint32_t>>;  // workload port -> server ports
  static constexpr std::string_view kType = "gateway-ports";
  std::string ns;
  model::Labels labels;
  std::map<std::string, std::uint32_t> namedPorts;
  [[nodiscard]] std::string key() const;
  static GatewayPorts parse(std::string_view key);
};

// The listener at one workload port of a gateway.
struct GatewayListener {
  using Value = Output;
  static constexpr std::string_view kType = "gateway-listener";
  GatewayScope scope;
  std::uint32_t port = 0;  // workload port
  [[nodiscard]] std::string key() const;
  static GatewayListener parse(std::string_view key);
};

// A whole route configuration: `server` as in normalize::GatewayRoutes.
struct GatewayRouteTable {
  using Value = Output;
  static constexpr std::string_view kType = "gateway-route-table";
  std::string ns;
  model::Labels labels;
  std::uint32_t port = 0;  // as written in the Gateway
  std::string server;
  std::string name;  // of the route configuration
  [[nodiscard]] std::string key() const;
  static GatewayRouteTable parse(std::string_view key);
};

// The clusters of every host that a gateway's routes name, of those it asks about requests, and of no other.
struct GatewayClusters {
  using Value = Output;
  static constexpr std::string_view kType = "gateway-clusters";
  std::string ns;
  model::Labels labels;
  model::Locality locality;
  std::vector<std::string> authorizers{};  // hosts, sorted
  [[nodiscard]] std::string key() const;
  static GatewayClusters parse(std::string_view key);
};

// What of a credential there is. The listener depends on this and not on the keys.
struct CredentialState {
  struct Value {
    bool exists = false, certificate = false, roots = false;
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "credential-state";
  std::string ns, name;
  [[nodiscard]] std::string key() const;
  static CredentialState parse(std::string_view key);
};

// The SDS secrets of a credentialName, or of a certificateRef, whose names tell the namespace.
struct GatewaySecret {
  using Value = Output;
  static constexpr std::string_view kType = "gateway-secret";
  std::string ns, name;
  bool qualified = false;
  [[nodiscard]] std::string key() const;
  static GatewaySecret parse(std::string_view key);
};

}  // namespace fairway::translate
