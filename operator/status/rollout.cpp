#include "status/rollout.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace fairway::status {

namespace {

bool tookUp(const Proxy& proxy, std::uint64_t changedAfter) {
  return proxy.applied > changedAfter || (proxy.applied != 0 && proxy.applied == proxy.snapshot->generation);
}

// From best to worst.
enum class Stage { live, behind, refusing };

const Refusal* refusalOf(const Proxy& proxy, const Key& key) {
  const auto found = std::find_if(proxy.refusals.begin(), proxy.refusals.end(),
                                  [&](const Refusal& each) { return configurationOf(*each.resource).contains(key); });
  return found == proxy.refusals.end() ? nullptr : &*found;
}

// An EnvoyFilter may be at a proxy and, for its bootstrap, at its agent: the worse of both counts.
std::map<std::string_view, Stage> stagesOfAgents(const Key& key, const engine::ConfigObject& object,
                                                 const std::vector<Proxy>& proxies, const Influence& influence) {
  std::map<std::string_view, Stage> stages;
  if (key.first != api::Kind::envoy_filter) return stages;
  for (const auto& proxy : proxies) {
    if (!proxy.bootstrap || !influence.concerns(key, proxy)) continue;
    stages[proxy.id] = refusalOf(proxy, key) != nullptr     ? Stage::refusing
                       : tookUp(proxy, object.changedAfter) ? Stage::live
                                                            : Stage::behind;
  }
  return stages;
}

}  // namespace

Rollout rolloutOf(const Key& key, const engine::ConfigObject& object, const std::vector<Proxy>& proxies,
                  const Influence& influence) {
  Rollout result;
  auto agents = stagesOfAgents(key, object, proxies, influence);
  const auto count = [&](const Proxy& proxy, Stage stage) {
    ++result.proxies;
    if (stage == Stage::live) {
      ++result.live;
      result.accept.insert(proxy.identity);
    } else if (stage == Stage::refusing) {
      ++result.refusing;
      result.refuse.insert(proxy.identity);
    }
  };
  for (const auto& proxy : proxies) {
    if (!influence.concerns(key, proxy)) continue;
    const auto* refusal = refusalOf(proxy, key);
    if (refusal != nullptr && result.refusal.empty()) {
      result.refusal = proxy.id + " refuses " + std::string(translate::shortName(refusal->resource->type)) + " " +
                       refusal->resource->name + ": " + refusal->error;
    }
    if (proxy.bootstrap) continue;
    auto stage = refusal != nullptr                   ? Stage::refusing
                 : tookUp(proxy, object.changedAfter) ? Stage::live
                                                      : Stage::behind;
    if (const auto agent = agents.extract(proxy.id); !agent.empty()) stage = std::max(stage, agent.mapped());
    count(proxy, stage);
  }
  for (const auto& proxy : proxies) {
    if (!proxy.bootstrap) continue;
    if (const auto agent = agents.extract(proxy.id); !agent.empty()) count(proxy, agent.mapped());
  }
  return result;
}

std::set<Key> refusedOf(const std::vector<Proxy>& proxies) {
  std::set<Key> keys;
  for (const auto& proxy : proxies) {
    for (const auto& refusal : proxy.refusals) keys.merge(configurationOf(*refusal.resource));
  }
  return keys;
}

}  // namespace fairway::status
