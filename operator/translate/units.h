#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/gateway_topology.h"
#include "model/common.h"
#include "translate/resource.h"

// The units of translation. Each is a derived value: `(View&, query) -> Output`.
namespace fairway::translate {

// rate_limit_service: no proxy, but the service that counts for them; it is configured over the same streams.
enum class ProxyType { sidecar, gateway, rate_limit_service };
// redirect: iptables sends everything to 15001/15006. none: no interception; listeners bind to ports.
enum class Interception { redirect, none };

// A connected proxy, as its authenticated identity and its Node metadata describe it. The pod in the
// store, where there is one, beats the metadata.
struct Proxy {
  ProxyType type = ProxyType::sidecar;
  std::string ns, pod, serviceAccount;
  model::Labels labels;          // from metadata; used only while the pod is unknown
  std::vector<std::string> ips;  // from metadata; used only while the pod is unknown
  Interception interception = Interception::redirect;
  // Interception NONE: where outbound listeners bind (default 127.0.0.1) and where the app listens (default 127.0.0.1).
  std::string outboundAddress, appAddress;
  bool unprivileged = false;                  // may not bind ports below 1024: such listeners are left out, with a note
  std::optional<GatewayTopology> topology{};  // of a gateway that says it itself
  bool wholeRoutes = false;  // route configurations hold their virtual hosts: the client cannot get these by VHDS
  // Not the proxy but its agent, which asks for what EnvoyFilters say of the proxy's bootstrap, and gets nothing else.
  bool bootstrap = false;
  // What else the Node's metadata says, as texts: EnvoyFilters match it.
  std::map<std::string, std::string> metadata{};
  bool operator==(const Proxy&) const = default;
};

// The scopes of one proxy: scope units (below) shared with every proxy that has equal ones.
struct ScopesOf {
  using Value = std::vector<store::UnitKey>;
  static constexpr std::string_view kType = "scopes";
  Proxy proxy;
  [[nodiscard]] std::string key() const;
  static ScopesOf parse(std::string_view key);
};

// Tells the catalogue about ScopesOf and all units it leads to.
void registerUnits(store::Catalogue& catalogue);

}  // namespace fairway::translate
