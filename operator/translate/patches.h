#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/envoy_filter.h"
#include "translate/resource.h"
#include "translate/units.h"

// What EnvoyFilters change. A proxy that one selects has scopes of its own: units in front of the usual ones, which take their
// resources, apply the patches and pass on what none of them concerns as it is. All other proxies know nothing of this.
namespace fairway::translate {

// One patch whose value is a message.
struct Patch {
  model::ConfigPatch what;  // without the value's JSON
  std::string bytes;        // the value, serialized
  model::Provenance object;
  bool operator==(const Patch&) const = default;

  [[nodiscard]] bool merges() const;
  [[nodiscard]] bool inserts() const;  // at a place, or anywhere (ADD)
};

// The patches of one object that can be applied; the others are told to its author.
struct PatchesOf {
  using Value = std::vector<Patch>;
  static constexpr std::string_view kType = "patches";
  std::string ns, name;
  [[nodiscard]] std::string key() const { return store::joinKey({ns, name}); }
  static PatchesOf parse(std::string_view key);
};

// Asks for the patches of all objects, for what that tells about those that select no proxy. Kept from start to end.
struct PatchChecks {
  struct Value {
    bool operator==(const Value&) const = default;
  };
  static constexpr std::string_view kType = "patch-checks";
  [[nodiscard]] std::string key() const { return {}; }
  static PatchChecks parse(std::string_view) { return {}; }
};

// Which patches a class of proxies has: of each object those whose conditions on the proxy hold, in the order of application.
struct PatchSet {
  struct Object {
    std::string ns, name;
    std::vector<std::size_t> patches;  // by their index in the object
    bool operator==(const Object&) const = default;
  };
  std::vector<Object> objects;
  bool operator==(const PatchSet&) const = default;

  [[nodiscard]] std::string key() const;
  static PatchSet parse(std::string_view key);
};
PatchSet patchSetOf(store::View& view, const Proxy& proxy, const model::Labels& labels);

// The patches of a set in one context, in their order.
struct PatchList {
  using Context = model::ConfigPatch::Context;
  using Value = std::vector<Patch>;
  static constexpr std::string_view kType = "patch-list";
  PatchSet set;
  Context context = Context::any;
  [[nodiscard]] std::string key() const;
  static PatchList parse(std::string_view key);
};

// A unit with the patches applied to its resources, and its children likewise.
struct Patched {
  using Value = Output;
  static constexpr std::string_view kType = "patched";
  PatchList list;
  store::UnitKey unit;
  [[nodiscard]] std::string key() const;
  static Patched parse(std::string_view key);
};

// The clusters and listeners that patches add. Those of both sides of a sidecar are one unit: names are the proxy's.
struct PatchAdditions {
  using Value = Output;
  static constexpr std::string_view kType = "patch-additions";
  PatchSet set;
  bool gateway = false;
  [[nodiscard]] std::string key() const;
  static PatchAdditions parse(std::string_view key);
};

// The patches of the bootstrap, each a resource: a Bootstrap whose name is "<rank of the object>/<namespace>/<name>/<index, four
// digits>/<merge or replace>". The order of names is that of merging, and no patch's name depends on others. replace: its lists take the
// place of those that are there.
struct BootstrapPatches {
  using Value = Output;
  static constexpr std::string_view kType = "bootstrap-patches";
  PatchSet set;
  [[nodiscard]] std::string key() const { return set.key(); }
  static BootstrapPatches parse(std::string_view key) { return {PatchSet::parse(key)}; }
};
// What an agent gets, in place of its proxy's scopes.
std::vector<store::UnitKey> bootstrapScopes(const PatchSet& set);

// The scopes of a proxy with this set, in place of its usual ones. Those that no patch concerns stay.
std::vector<store::UnitKey> patchedScopes(store::View& view, const PatchSet& set, const Proxy& proxy,
                                          std::vector<store::UnitKey> scopes);

PatchesOf::Value computePatches(store::View& view, const PatchesOf& query);
PatchChecks::Value computePatchChecks(store::View& view, const PatchChecks& query);
PatchList::Value computePatchList(store::View& view, const PatchList& query);
Output computePatched(store::View& view, const Patched& query);
Output computePatchAdditions(store::View& view, const PatchAdditions& query);
Output computeBootstrapPatches(store::View& view, const BootstrapPatches& query);

}  // namespace fairway::translate
