#include "status/influence.h"

#include <algorithm>
#include <utility>

#include "api/codec.h"

namespace fairway::status {

namespace {

std::optional<api::Kind> configurationKind(std::string_view name) {
  for (const auto& info : api::allKinds()) {
    if (info.name == name && engine::isConfiguration(info.kind)) return info.kind;
  }
  return std::nullopt;
}

}  // namespace

std::string toString(const Key& key) {
  return std::string(api::kindInfo(key.first).name) + "/" + key.second.toString();
}

std::optional<Key> configurationOf(const model::Provenance& provenance) {
  const auto kind = configurationKind(provenance.kind);
  if (!kind) return std::nullopt;
  return Key{*kind, {provenance.ns, provenance.name}};
}

std::set<Key> configurationOf(const translate::Resource& resource) {
  std::set<Key> keys;
  for (const auto& object : resource.provenance) {
    if (auto key = configurationOf(object)) keys.insert(std::move(*key));
  }
  return keys;
}

// What is known of the scope's snapshot, or of the one it came from by steps that are known.
Influence::Keys Influence::keysOf(const engine::ScopeSnapshot& scope) {
  if (const auto known = scopes_.find(scope.id); known != scopes_.end()) return known->second;
  const auto& steps = scope.steps;
  const auto from =
      std::find_if(steps.rbegin(), steps.rend(), [this](const auto& step) { return scopes_.contains(step->from); });
  std::set<Key> keys;
  const auto look = [&](const translate::Resource& resource) {
    ++looks_;
    if (!resource.provenance.empty()) keys.merge(configurationOf(resource));
  };
  if (from == steps.rend()) {
    for (const auto& set : scope.sets) {
      for (const auto& resource : *set) look(*resource);
    }
    return std::make_shared<const std::set<Key>>(std::move(keys));
  }
  for (auto step = std::prev(from.base()); step != steps.end(); ++step) {
    for (std::size_t type = 0; type < translate::kTypeCount; ++type) {
      for (const auto& name : (*step)->names[type]) {
        if (const auto* resource = scope.sets[type]->find(name)) look(**resource);
      }
    }
  }
  const auto& before = scopes_.at((*from)->from);
  if (std::includes(before->begin(), before->end(), keys.begin(), keys.end())) return before;
  keys.insert(before->begin(), before->end());
  return std::make_shared<const std::set<Key>>(std::move(keys));
}

void Influence::update(const std::vector<Proxy>& proxies) {
  std::map<std::uint64_t, Keys> current;
  for (const auto& proxy : proxies) {
    if (!proxy.snapshot) continue;
    for (const auto& scope : proxy.snapshot->scopes) {
      if (!current.contains(scope->id)) current.emplace(scope->id, keysOf(*scope));
    }
  }
  scopes_ = std::move(current);
}

bool Influence::concerns(const Key& key, const Proxy& proxy) const {
  if (!proxy.snapshot) return false;
  return std::any_of(proxy.snapshot->scopes.begin(), proxy.snapshot->scopes.end(), [&](const auto& scope) {
    const auto known = scopes_.find(scope->id);
    return known != scopes_.end() && known->second->contains(key);
  });
}

}  // namespace fairway::status
