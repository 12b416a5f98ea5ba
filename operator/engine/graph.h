#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <absl/container/flat_hash_set.h>

#include "engine/key_hash.h"
#include "store/store.h"
#include "store/view.h"

namespace fairway::engine {

// Counted work, for tests, metrics and benchmarks.
struct GraphStats {
  std::uint64_t runs = 0;       // units computed
  std::uint64_t unchanged = 0;  // of these, units whose result was equal: nothing behind them ran because of it
  std::uint64_t checks = 0;     // units that only had to look at what they read, and did not run
  std::uint64_t failures = 0;   // units whose function threw: their last value stays
  std::map<std::string_view, std::uint64_t> runsByType;
};

// A unit, for who asks for it often: valid as long as it is held, and else until the next update().
struct Unit {
  store::UnitKey key;
};

// Derived values and what each of them read.
//
// A unit is computed when it is asked for, and again when something that it read has changed; each runs
// at most once an update(), and an equal result stops the change there. What a unit reads is recorded by
// the View it computes through; nobody writes down dependencies. Units that nothing holds and nothing
// reads are forgotten.
//
// Owned by the engine thread; not thread-safe. The store must outlive the graph.
class Graph {
 public:
  Graph(store::Store& store, const store::Catalogue& catalogue);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  // Made if there is none.
  const Unit& unit(const store::UnitKey& key);

  // Keeps a unit alive and current, and computes it if need be. Calls are counted.
  void hold(const Unit& unit);
  void release(const Unit& unit);

  // A read's result may have changed: called by Store::apply.
  void invalidate(const store::Read& read);

  // Brings every held unit up to date and returns those whose value changed since the last call.
  // They are ordered by key.
  std::vector<const Unit*> update();

  // The value of a held unit; null if its function has only ever thrown.
  [[nodiscard]] static std::shared_ptr<const void> valueOf(const Unit& unit);
  [[nodiscard]] std::shared_ptr<const void> value(const store::UnitKey& key) const;
  // Has a unit keep this value, which equals its own and shares memory with others.
  static void share(const Unit& unit, std::shared_ptr<const void> equal);

  // What the units held or read had to say to the authors of objects; sorted, each once.
  [[nodiscard]] model::Notes notes() const;

  // For tests and debug pages.
  [[nodiscard]] const GraphStats& stats() const { return stats_; }
  [[nodiscard]] std::size_t size() const { return units_.size() + inputs_.size(); }
  struct UnitInfo {
    store::UnitKey key;
    bool current = false;  // false: something it read, directly or not, may have changed
    std::shared_ptr<const void> value;
    std::vector<std::string> reads;  // in the order of reading
  };
  [[nodiscard]] std::vector<UnitInfo> units() const;  // by key

 private:
  class Recorder;
  struct Node;
  struct UnitNode;
  struct InputNode;
  struct TooEarly;
  enum class State { clean, check, dirty };
  struct ByKey {
    using is_transparent = void;
    bool operator()(const std::unique_ptr<UnitNode>& a, const std::unique_ptr<UnitNode>& b) const { return a == b; }
    bool operator()(const std::unique_ptr<UnitNode>& a, const store::UnitKey& b) const;
  };
  struct HashOfKey {
    using is_transparent = void;
    std::size_t operator()(const std::unique_ptr<UnitNode>& node) const;
    std::size_t operator()(const store::UnitKey& key) const { return UnitKeyHash{}(key); }
  };
  // The last values of a type: most have an equal one among them, which is kept in their place.
  struct Recent {
    std::array<std::weak_ptr<const void>, 4> values;
    std::size_t next = 0;
  };

  static UnitNode& nodeOf(const Unit& unit);
  UnitNode& unitNode(const store::UnitKey& key);
  InputNode& input(const store::Read& read);
  void ensure(UnitNode& node);
  void compute(UnitNode& node, bool early);
  void computeEarly();
  bool computeEarly(UnitNode& node);
  [[nodiscard]] UnitNode& currentUnit(const store::UnitKey& key) const;
  static bool isFlat(const UnitNode& node);
  static bool isCurrent(const Node& node);
  void settle(UnitNode& node) const;
  void shareRecent(const UnitNode& node, std::shared_ptr<const void>& value);
  void noteChange(UnitNode& node);
  [[nodiscard]] static bool unneeded(const Node& node);
  void markDependents(Node& node, State direct);
  void mark(UnitNode& node, State state);
  void addDependency(UnitNode& reader, Node& read);
  void dropDependencies(UnitNode& node, std::vector<Node*> dependencies);
  void sweep();
  void erase(Node& node);

  store::Store& store_;
  const store::Catalogue& catalogue_;
  std::uint64_t revision_ = 1;
  absl::flat_hash_set<std::unique_ptr<UnitNode>, HashOfKey, ByKey> units_;
  std::unordered_map<store::Read, std::unique_ptr<InputNode>, store::ReadHash> inputs_;
  std::vector<UnitNode*> touched_;       // they read what was invalidated since the last update()
  std::unordered_set<UnitNode*> stale_;  // held units that are not clean
  std::unordered_set<UnitNode*> noted_;  // units that have notes
  std::unordered_set<Node*> unused_;     // candidates for sweep()
  std::vector<UnitNode*> changed_;       // held units whose value changed since update() was last called
  std::unordered_map<std::string_view, Recent> recent_;
  GraphStats stats_;
};

}  // namespace fairway::engine
