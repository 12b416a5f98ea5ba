#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/config_objects.h"
#include "engine/discovery_selectors.h"
#include "engine/graph.h"
#include "engine/pointer_set.h"
#include "engine/snapshot.h"
#include "store/store.h"
#include "translate/resource.h"
#include "translate/units.h"

namespace fairway::engine {

struct CoreStats {
  std::uint64_t batches = 0;
  std::uint64_t changedObjects = 0;
  std::uint64_t changedResources = 0;                          // added, replaced or removed in some scope
  std::uint64_t bytesSerialized = 0;                           // of resources that no scope had before
  std::array<std::uint64_t, api::kKindCount> batchesByKind{};  // in which an object of the kind changed
  std::uint64_t batchesWithProxies = 0;                        // in which a proxy came
};

// From objects to snapshots, without threads or clocks: the store, the units and what each connected
// proxy is to have. After any sequence of calls its snapshots equal those of a new Core that was given
// the same objects and proxies (the oracle of tests/sequence).
//
// A proxy's scopes come from its ScopesOf unit. A scope's resources are those of its unit and of all
// children behind it. Only what changed is touched: the changed units, their scopes, their proxies.
class Core {
 public:
  using ProxyId = std::uint64_t;

  // `always` are units that are kept current without a proxy that leads to them, for what they note.
  Core(store::MeshConfig mesh, const store::Catalogue& catalogue, const std::vector<store::UnitKey>& always = {});

  void connect(ProxyId id, translate::Proxy proxy);
  void disconnect(ProxyId id);

  // Applies the changes (and connects and disconnects since the last call) and returns the proxies whose
  // snapshot was replaced, in ascending order. `arrived`: when the first of the changes came, for who measures.
  std::vector<ProxyId> update(std::vector<store::Change> changes, std::chrono::steady_clock::time_point arrived = {});
  // From the next update() on, an object of this content is treated as one that could not be read, for this reason.
  void quarantine(api::ObjectPtr object, std::string reason);

  // Null for an unknown proxy, and before its first update().
  [[nodiscard]] SnapshotPtr snapshot(ProxyId id) const;

  [[nodiscard]] const store::Store& store() const { return store_; }
  [[nodiscard]] const Graph& graph() const { return graph_; }
  [[nodiscard]] const ConfigObjects& configuration() const { return configuration_; }
  [[nodiscard]] const CoreStats& stats() const { return stats_; }
  // Objects of namespaces that the mesh's discoverySelectors leave out.
  [[nodiscard]] std::size_t withheld() const { return selectors_.withheld(); }
  [[nodiscard]] std::map<ProxyId, translate::Proxy> proxies() const;
  // Each scope with the number of its proxies. The snapshot is null before the next update().
  void forEachScope(
      const std::function<void(const store::UnitKey&, std::size_t proxies, const ScopeSnapshot*)>& look) const;

 private:
  // One unit in one scope: by how many parents it is wanted there, and what of it the scope holds.
  struct Member {
    std::size_t parents = 0;
    std::shared_ptr<const translate::Output> output;
  };
  struct Owned {
    const Unit* owner = nullptr;
    translate::ResourcePtr resource;
  };
  struct Scope {
    store::UnitKey key;
    std::size_t proxies = 0;
    std::unordered_map<const Unit*, Member> members;
    // By name: that of the resource itself.
    std::array<std::map<std::string_view, Owned>, translate::kTypeCount> resources;
    // Names that may differ from the snapshot's.
    std::array<std::set<std::string>, translate::kTypeCount> touched;
    std::shared_ptr<const ScopeSnapshot> snapshot;
  };
  struct Connected {
    translate::Proxy proxy;
    const Unit* unit = nullptr;
    std::vector<Scope*> scopes;
    bool assigned = false;  // its ScopesOf unit has been computed
    SnapshotPtr snapshot;
  };

  void assignScopes(Connected& proxy);
  void updateProxies(const std::vector<const Unit*>& changed);
  static bool isBehind(const Connected& proxy);
  void updateScope(Scope& scope, const std::vector<const Unit*>& changed);
  void addMember(Scope& scope, const Unit& unit);
  void removeMember(Scope& scope, const Unit& unit);
  void leaveMember(Scope& scope, const Unit& unit);
  void replaceOutput(Scope& scope, const Unit& unit);
  Scope& addScope(const store::UnitKey& key);
  void dropScope(Scope& scope);
  bool publish(Scope& scope);
  void eraseResource(Scope& scope, const Unit& owner, const translate::Resource& resource);
  std::shared_ptr<const translate::Output> outputOf(const Unit& unit);
  translate::ResourcePtr intern(const translate::ResourcePtr& resource);

  store::Store store_;
  DiscoverySelectors selectors_;
  ConfigObjects configuration_;
  std::vector<std::pair<api::ObjectPtr, std::string>> accused_;
  Graph graph_;
  std::map<ProxyId, Connected> proxies_;
  std::unordered_map<const Unit*, std::set<ProxyId>> proxiesByUnit_;
  std::map<store::UnitKey, Scope> scopes_;
  std::unordered_map<const Unit*, PointerSet<Scope>> scopesByMember_;
  // Equal resources of different scopes are one object. By version.
  std::unordered_map<std::string, std::weak_ptr<const translate::Resource>> interned_;
  std::size_t sweepInternedAt_ = 1024;
  std::uint64_t generation_ = 0;
  std::uint64_t lastSnapshot_ = 0;
  bool proxyCame_ = false;  // since the last update()
  CoreStats stats_;
};

}  // namespace fairway::engine
