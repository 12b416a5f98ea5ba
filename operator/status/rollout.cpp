#include "status/rollout.h"

#include <algorithm>

namespace fairway::status {

namespace {

bool tookUp(const Proxy& proxy, std::uint64_t changedAfter) {
  return proxy.applied > changedAfter || (proxy.applied != 0 && proxy.applied == proxy.snapshot->generation);
}

}  // namespace

Rollout rolloutOf(const Key& key, const engine::ConfigObject& object, const std::vector<Proxy>& proxies,
                  const Influence& influence) {
  Rollout result;
  for (const auto& proxy : proxies) {
    if (!influence.concerns(key, proxy)) continue;
    ++result.proxies;
    const auto refusal = std::find_if(proxy.refusals.begin(), proxy.refusals.end(), [&](const Refusal& each) {
      return configurationOf(*each.resource).contains(key);
    });
    if (refusal != proxy.refusals.end()) {
      ++result.refusing;
      result.refuse.insert(proxy.identity);
      if (result.refusal.empty()) {
        result.refusal = proxy.id + " refuses " + std::string(translate::shortName(refusal->resource->type)) + " " +
                         refusal->resource->name + ": " + refusal->error;
      }
    } else if (tookUp(proxy, object.changedAfter)) {
      ++result.live;
      result.accept.insert(proxy.identity);
    }
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
