#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "translate/resource.h"
#include "translate/units.h"

namespace fairway::engine {

// Sorted by name, unique names.
using ResourceSet = std::vector<translate::ResourcePtr>;

// Everything one scope serves. Immutable; sets that did not change are shared with the scope's last snapshot.
struct ScopeSnapshot {
  std::array<std::shared_ptr<const ResourceSet>, translate::kTypeCount> sets;  // never null
};

// What one proxy is to have: the union of its scopes (names do not repeat between scopes).
struct ProxySnapshot {
  std::uint64_t generation = 0;  // of the batch that made it
  std::vector<std::shared_ptr<const ScopeSnapshot>> scopes;

  // Null if the proxy is to have no such resource.
  [[nodiscard]] translate::ResourcePtr find(translate::Type type, std::string_view name) const;
};
using SnapshotPtr = std::shared_ptr<const ProxySnapshot>;

// The engine as streams see it. Thread-safe.
class SnapshotSource {
 public:
  using Id = std::uint64_t;
  virtual ~SnapshotSource() = default;

  // Adds a connected proxy. `changed` is called on the engine thread, without locks held, whenever
  // current(id) has been replaced; it must return at once and not call back.
  virtual Id connect(translate::Proxy proxy, std::function<void()> changed) = 0;
  // After it returns, `changed` is not called any more.
  virtual void disconnect(Id id) = 0;
  // Null until the first full sync and the proxy's first build.
  [[nodiscard]] virtual SnapshotPtr current(Id id) const = 0;
};

}  // namespace fairway::engine
