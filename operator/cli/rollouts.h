#pragma once

#include <memory>

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

}  // namespace fairway::cli
