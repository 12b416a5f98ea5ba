#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/gateway_api.h"
#include "api/object.h"
#include "engine/config_objects.h"
#include "store/store.h"

namespace fairway::engine {

// The mesh's `discoverySelectors`: services and routing of namespaces that none of them selects are as if they were not
// there. Stands before the store; what it withholds it keeps, for a label may let it in. One thread.
//
// Pods, Secrets, policies and what else concerns its own namespace's proxies only is never withheld: a proxy in such a
// namespace must not lose its rules. The root namespace is always selected. Without selectors all are.
class DiscoverySelectors {
 public:
  explicit DiscoverySelectors(store::MeshConfig mesh) : mesh_(std::move(mesh)) {}

  // Makes of `changes` those by which `store` gets what is selected, and no more. `configuration` has objects as their
  // users wrote them, where the store has another in their place.
  void filter(std::vector<store::Change>& changes, const store::Store& store, const ConfigObjects& configuration);

  [[nodiscard]] std::size_t withheld() const { return withheld_.size(); }

 private:
  using Key = std::pair<api::Kind, api::NamespacedName>;

  [[nodiscard]] bool selected(const std::string& ns) const;
  bool learn(const std::vector<store::Change>& changes);

  const store::MeshConfig mesh_;
  std::vector<api::gateway_api::LabelSelector> selectors_;
  std::map<std::string, api::Labels> namespaces_;
  std::map<Key, api::ObjectPtr> withheld_;
};

// Whether objects of the kind are withheld at all.
[[nodiscard]] bool isDiscovered(api::Kind kind);

}  // namespace fairway::engine
