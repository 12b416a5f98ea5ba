#include "cli/rollouts.h"

#include <chrono>
#include <ctime>
#include <utility>

#include <spdlog/spdlog.h>

#include "cli/cluster_member.h"
#include "discovery/server.h"
#include "engine/engine.h"

namespace fairway::cli {

namespace {

std::string wallClock() {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

std::vector<status::Proxy> proxiesOf(const discovery::Server& discovery) {
  std::vector<status::Proxy> result;
  for (auto& progress : discovery.progress()) {
    status::Proxy proxy{
        std::move(progress.proxyId), std::move(progress.identity), std::move(progress.snapshot), progress.applied, {}};
    for (auto& refusal : progress.refusals) {
      proxy.refusals.push_back({std::move(refusal.resource), std::move(refusal.error)});
    }
    result.push_back(std::move(proxy));
  }
  return result;
}

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
  calls.proxies = [&discovery] { return proxiesOf(discovery); };
  calls.quarantine = [&engine](const status::Verdict& verdict) {
    const status::Key key{verdict.object->kind, verdict.object->meta.key()};
    spdlog::error("{}: {}", status::toString(key), verdict.reason);
    engine.quarantine(verdict.object, verdict.reason);
  };
  calls.wallClock = wallClock;
  if (member != nullptr) addReplicas(calls, *member);
  return std::make_unique<status::Keeper>(std::move(calls));
}

}  // namespace fairway::cli
