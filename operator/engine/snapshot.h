#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/resource_set.h"
#include "translate/resource.h"
#include "translate/units.h"

namespace fairway::engine {

// What differs between two snapshots of one scope that came one after the other: names that were added, changed or
// removed, sorted.
struct ScopeDelta {
  std::uint64_t from = 0, to = 0;  // ScopeSnapshot::id
  std::array<std::vector<std::string>, translate::kTypeCount> names;
};

// Everything one scope serves. Immutable; sets that did not change are shared with the scope's last snapshot.
struct ScopeSnapshot {
  std::uint64_t id = 0;  // unique among all snapshots of all scopes; 0: not said
  std::array<std::shared_ptr<const ResourceSet>, translate::kTypeCount> sets;  // never null
  // The way here from the last few snapshots, the newest step last: computed once, for all streams.
  std::vector<std::shared_ptr<const ScopeDelta>> steps;
};

// What one proxy is to have: the union of its scopes (names do not repeat between scopes).
struct ProxySnapshot {
  std::uint64_t generation = 0;  // of the batch that made it
  std::vector<std::shared_ptr<const ScopeSnapshot>> scopes;
  // When the first of the changes arrived that it was made for. Zero: it was made for the proxy, which is new.
  std::chrono::steady_clock::time_point arrived{};

  // Null if the proxy is to have no such resource.
  [[nodiscard]] translate::ResourcePtr find(translate::Type type, std::string_view name) const;
};
using SnapshotPtr = std::shared_ptr<const ProxySnapshot>;

// The engine as streams see it. Thread-safe.
class SnapshotSource {
 public:
  using Id = std::uint64_t;
  using Changed = std::function<void(const SnapshotPtr& now)>;
  virtual ~SnapshotSource() = default;

  // Adds a connected proxy. `changed` is called on the engine thread, without locks held, whenever
  // current(id) has been replaced; it must return at once and not call back. It is told of each replacement.
  virtual Id connect(translate::Proxy proxy, Changed changed) = 0;
  // After it returns, `changed` is not called any more.
  virtual void disconnect(Id id) = 0;
  // Null until the first full sync and the proxy's first build.
  [[nodiscard]] virtual SnapshotPtr current(Id id) const = 0;
};

}  // namespace fairway::engine
