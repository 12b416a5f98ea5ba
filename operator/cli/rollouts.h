#pragma once

#include <functional>
#include <memory>

#include "model/gateway_status.h"
#include "status/keeper.h"

namespace fairway::engine {
class Engine;
}
namespace fairway::discovery {
class Server;
}

namespace fairway::cli {

class ClusterMember;

// The keeper of this control plane. All it is given outlives it; `member` is null where there is no cluster.
[[nodiscard]] std::unique_ptr<status::Keeper> makeKeeper(engine::Engine& engine, const discovery::Server& discovery,
                                                         ClusterMember* member);

// What is to be said of Gateway API objects and made for Gateways, as it is after the engine's last batch; null while
// `known` says that not all objects have come. For one thread.
[[nodiscard]] std::function<std::shared_ptr<const model::GatewayApi>()> gatewayApiOf(engine::Engine& engine,
                                                                                     std::function<bool()> known);

}  // namespace fairway::cli
