#pragma once

#include <optional>
#include <string_view>
#include <type_traits>

#include "translate/clusters.h"
#include "translate/gateway.h"
#include "translate/outbound.h"
#include "translate/patches.h"
#include "translate/scopes.h"

namespace fairway::translate {

// Every unit whose value is an Output: registration does not compile for one that is not here.
template <class... Queries>
struct Units {
  template <class Query>
  static constexpr bool has() {
    return (std::is_same_v<Query, Queries> || ...);
  }
  // The type of a unit, in static storage, by its text in a key; nothing if there is no such unit.
  static std::optional<std::string_view> type(std::string_view text) {
    std::optional<std::string_view> found;
    ((text == Queries::kType ? void(found = Queries::kType) : void()), ...);
    return found;
  }
};
using OutputUnits =
    Units<SidecarOutbound, SidecarInbound, GatewayScope, RateLimitServiceScope, EgressListener, HostClusters, Clusters,
          EndpointsUnit, OutboundPort, TcpListeners, RouteTable, VirtualHostUnit, GatewayListener, GatewayRouteTable,
          GatewayClusters, GatewaySecret, Patched, PatchAdditions, BootstrapPatches>;

}  // namespace fairway::translate
