#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/networking.h"
#include "api/security.h"
#include "status/rollout.h"

// Proxies and objects by hand, for the tests of status.
namespace fairway::status::test {

using translate::ResourcePtr;
using translate::Type;

inline model::Provenance from(const std::string& kind, const std::string& name) { return {kind, "onap", name, ""}; }

inline ResourcePtr resource(Type type, const std::string& name, const std::string& version,
                            std::vector<model::Provenance> provenance) {
  auto made = std::make_shared<translate::Resource>();
  made->type = type;
  made->name = name;
  made->version = version;
  made->provenance = std::move(provenance);
  return made;
}

// The next snapshot of a scope, told as the engine does.
inline std::shared_ptr<const engine::ScopeSnapshot> scope(
    const std::vector<ResourcePtr>& resources, const std::shared_ptr<const engine::ScopeSnapshot>& last = {}) {
  static std::uint64_t ids = 0;
  auto made = std::make_shared<engine::ScopeSnapshot>();
  made->id = ++ids;
  auto step = std::make_shared<engine::ScopeDelta>();
  for (std::size_t i = 0; i < translate::kTypeCount; ++i) {
    std::vector<ResourcePtr> set;
    for (const auto& each : resources) {
      if (static_cast<std::size_t>(each->type) != i) continue;
      set.push_back(each);
      const auto* before = last ? last->sets[i]->find(each->name) : nullptr;
      if (before == nullptr || (*before)->version != each->version) step->names[i].push_back(each->name);
    }
    made->sets[i] = std::make_shared<const engine::ResourceSet>(std::move(set));
  }
  if (last) {
    step->from = last->id;
    step->to = made->id;
    made->steps = last->steps;
    made->steps.push_back(std::move(step));
  }
  return made;
}

inline Proxy proxy(const std::string& id, const std::shared_ptr<const engine::ScopeSnapshot>& scope,
                   std::uint64_t generation, std::uint64_t applied) {
  auto snapshot = std::make_shared<engine::ProxySnapshot>();
  snapshot->generation = generation;
  snapshot->scopes = {scope};
  return {id, "spiffe://cluster.local/ns/onap/sa/" + id.substr(0, id.find('-')), snapshot, applied, {}};
}

template <class T>
std::shared_ptr<T> named(const std::string& name, const std::string& version = "1") {
  auto object = std::make_shared<T>();
  object->meta.ns = "onap";
  object->meta.name = name;
  object->meta.uid = "uid-" + name;
  object->meta.resourceVersion = version;
  object->meta.generation = 1;
  return object;
}

inline Key keyOf(const api::Object& object) { return {object.kind, object.meta.key()}; }

}  // namespace fairway::status::test
