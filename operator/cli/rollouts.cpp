#include "cli/rollouts.h"

#include <chrono>

#include <spdlog/spdlog.h>

#include "api/codec.h"
#include "base/time.h"
#include "cli/cluster_member.h"
#include "control/machine_plan.h"
#include "discovery/server.h"
#include "engine/engine.h"
#include "normalize/gateway_api_status.h"

namespace fairway::cli {

namespace {

// Ingresses and the Gateway API have statuses of other shapes, and they are written elsewhere.
bool hasConditions(const status::Key& key) {
  return key.first != api::Kind::ingress && !api::kindInfo(key.first).optional;
}

// The entries of machines that register themselves are the control plane's own: their status says how the machine is, which the registrar
// writes (control/registrar.h), and a rollout of each would be two more writes for each machine that comes.
bool isMachine(const api::Object& object) {
  return object.kind == api::Kind::workload_entry && object.meta.annotations.contains(control::kGroupAnnotation);
}

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
      std::erase_if(world.objects, [](const auto& each) { return isMachine(*each.second.object); });
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

std::function<std::shared_ptr<const model::GatewayApi>()> gatewayApiOf(engine::Engine& engine,
                                                                       std::function<bool()> known) {
  struct Last {
    std::uint64_t batches = 0;
    std::shared_ptr<const model::GatewayApi> value;
  };
  return [&engine, known = std::move(known), last = std::make_shared<Last>()] {
    if (!engine.ready() || !known()) return std::shared_ptr<const model::GatewayApi>();
    const auto batches = engine.batches();
    if (last->value && last->batches == batches) return last->value;
    last->batches = batches;
    engine.inspect([&](const engine::Core& core) {
      using normalize::GatewayApiWanted;
      const store::UnitKey key{GatewayApiWanted::kType, GatewayApiWanted{}.key()};
      auto value = std::static_pointer_cast<const model::GatewayApi>(core.graph().value(key));
      // A new object would be a reason to plan anew.
      if (!last->value || !value || *value != *last->value) last->value = std::move(value);
    });
    return last->value;
  };
}

}  // namespace fairway::cli
