#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/config_objects.h"
#include "engine/progress.h"

namespace fairway::status {

// Kind, namespace and name of a configuration object.
using Key = engine::ConfigObjects::Key;
// "VirtualService/onap/portal"; cluster-scoped objects have no namespace part.
[[nodiscard]] std::string toString(const Key& key);

using Proxy = engine::ProxyProgress;
using engine::Refusal;

// The configuration object that it names; nothing for other kinds.
[[nodiscard]] std::optional<Key> configurationOf(const model::Provenance& provenance);
// The configuration objects in a resource's provenance, each once.
[[nodiscard]] std::set<Key> configurationOf(const translate::Resource& resource);

// Which configuration shaped what each scope has. A scope's next snapshot is looked at by what changed alone; so what
// once shaped something in it counts on, while the scope is there.
class Influence {
 public:
  // Looks at all scopes of these proxies, and forgets others.
  void update(const std::vector<Proxy>& proxies);
  [[nodiscard]] bool concerns(const Key& key, const Proxy& proxy) const;

  [[nodiscard]] std::uint64_t looks() const { return looks_; }  // resources looked at, for tests

 private:
  using Keys = std::shared_ptr<const std::set<Key>>;
  Keys keysOf(const engine::ScopeSnapshot& scope);

  std::map<std::uint64_t, Keys> scopes_;  // by ScopeSnapshot::id
  std::uint64_t looks_ = 0;
};

}  // namespace fairway::status
