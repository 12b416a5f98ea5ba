#include "cli/rollouts.h"

#include <chrono>

#include <spdlog/spdlog.h>

#include "base/time.h"
#include "cli/cluster_member.h"
#include "discovery/server.h"
#include "engine/engine.h"

namespace fairway::cli {

namespace {

// Ingresses have a status of another shape, and it is written elsewhere.
bool hasConditions(const status::Key& key) { return key.first != api::Kind::ingress; }

void addReplicas(status::Keeper::Calls& calls, ClusterMember& member) {
  calls.tell = [&member](const std::string& report) { member.tell(report); };
  calls.others = [&member] { return member.reports(); };
  calls.leading = [&member] { return member.writesStatuses(); };
  calls.knownStatus = [&member](const status::Key& key) {
    return member.statuses().expected(statusTarget(key.first, key.second));
  };
  calls.setStatus = [&member](const status::Key& key, const nlohmann::json& status) {
    if (hasConditions(key)) member.statuses().set(statusTarget(key.first, key.second), status);
  };
  calls.forgetStatus = [&member](const status::Key& key) {
    if (hasConditions(key)) member.statuses().forget(statusTarget(key.first, key.second));
  };
}

}  // namespace

std::unique_ptr<status::Keeper> makeKeeper(engine::Engine& engine, const discovery::Server& discovery,
                                           ClusterMember* member) {
  status::Keeper::Calls calls;
  calls.revision = [&engine] { return engine.batches(); };
  calls.configuration = [&engine] { return engine.configurationRevision(); };
  calls.look = [&engine] {
    status::World world;
    engine.inspect([&](const engine::Core& core) {
      world.objects = core.configuration().all();
      world.notes = core.graph().notes();
    });
    return world;
  };
  calls.refusals = [&discovery] {
    std::uint64_t sum = 0;
    for (const auto& type : discovery.counters().types) sum += type.nacks;
    return sum;
  };
  calls.proxies = [&discovery] { return discovery.progress(); };
  calls.quarantine = [&engine](const status::Verdict& verdict) {
    const status::Key key{verdict.object->kind, verdict.object->meta.key()};
    spdlog::error("{}: {}", status::toString(key), verdict.reason);
    engine.quarantine(verdict.object, verdict.reason);
  };
  calls.wallClock = [] { return utcText(std::chrono::system_clock::now()); };
  if (member != nullptr) addReplicas(calls, *member);
  return std::make_unique<status::Keeper>(std::move(calls));
}

}  // namespace fairway::cli
