#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/gateway_topology.h"
#include "model/service.h"
#include "translate/units.h"

// The scope units: what proxies with equal keys share. Fields that make no difference to the outcome are
// empty in the key, so that more proxies are equal (ScopesOf sees to that).
namespace fairway::translate {

std::string_view toString(Interception interception);
Interception parseInterception(std::string_view text);

// All a sidecar needs for the requests of its app.
struct SidecarOutbound {
  using Value = Output;
  static constexpr std::string_view kType = "sidecar-outbound";
  model::Client client;
  Interception interception = Interception::redirect;
  std::vector<std::string> addresses;  // where listeners for no address in particular listen
  bool unprivileged = false;           // interception NONE only
  bool wholeRoutes = false;            // virtual hosts inside their route configurations
  [[nodiscard]] std::string key() const;
  static SidecarOutbound parse(std::string_view key);
};

// All a sidecar needs for the requests to its app.
struct SidecarInbound {
  using Value = Output;
  static constexpr std::string_view kType = "sidecar-inbound";
  std::string ns, serviceAccount;
  model::Labels labels;
  std::map<std::string, std::uint32_t> namedPorts;  // container ports by name
  Interception interception = Interception::redirect;
  std::vector<std::string> addresses;  // to listen at
  std::string appAddress;              // interception NONE only: where the app listens
  bool unprivileged = false;
  bool machine =
      false;  // `namedPorts` are a WorkloadEntry's: by the names of services' ports, of which they take the place
  [[nodiscard]] std::string key() const;
  static SidecarInbound parse(std::string_view key);
};

// All a gateway needs.
struct GatewayScope {
  using Value = Output;
  static constexpr std::string_view kType = "gateway-scope";
  std::string ns, serviceAccount;
  model::Labels labels;
  std::map<std::string, std::uint32_t> namedPorts;
  std::vector<std::string> addresses;  // to listen at
  bool unprivileged = false;
  model::Locality locality;                   // empty where nothing depends on it
  std::optional<GatewayTopology> topology{};  // unset: the mesh's default
  [[nodiscard]] std::string key() const;
  static GatewayScope parse(std::string_view key);
};

// All the rate limit service needs.
struct RateLimitServiceScope {
  using Value = Output;
  static constexpr std::string_view kType = "rate-limit-service";
  [[nodiscard]] std::string key() const { return {}; }
  static RateLimitServiceScope parse(std::string_view) { return {}; }
};

}  // namespace fairway::translate
