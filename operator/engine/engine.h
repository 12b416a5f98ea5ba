#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/histogram.h"
#include "engine/core.h"
#include "engine/snapshot.h"

namespace fairway::engine {

// What the engine did, for /metrics. Durations in nanoseconds.
struct EngineStats {
  CoreStats core;
  GraphStats graph;
  std::size_t units = 0;
  std::size_t proxies = 0;
  std::uint64_t batchNanoseconds = 0;  // sum over all batches
  std::array<std::size_t, api::kKindCount> objects{};
};

// What waits in front of the engine.
struct EngineQueue {
  std::size_t objects = 0;             // changed ones
  std::size_t proxies = 0;             // to be connected or disconnected
  std::chrono::nanoseconds oldest{0};  // since the first of these changes came
};

// Seconds.
struct EngineTimes {
  Histogram::Values waits;    // of a batch: from its first change until it was begun
  Histogram::Values batches;  // from there until the streams were told
};

// The engine thread around a Core, and the coalescing queue in front of it: while a batch is worked on,
// further changes merge by object, so that the queue never holds more than one version of anything.
// All public functions are thread-safe.
class Engine final : public SnapshotSource {
 public:
  struct Options {
    store::MeshConfig mesh;
    // How long a change may wait for others to be worked on together. 0: none waits.
    std::chrono::milliseconds maxBatchDelay{0};
    std::vector<store::UnitKey> always;  // see Core
  };

  // The catalogue must outlive the engine.
  Engine(Options options, const store::Catalogue& catalogue);
  ~Engine() override;

  // --- from the sources ---
  void replace(api::Kind kind, std::vector<api::ObjectPtr> objects);
  void upsert(api::ObjectPtr object);
  void remove(api::Kind kind, api::NamespacedName name);
  // Calls `hand`; what it queues is worked on in one batch.
  void together(const std::function<void()>& hand);
  // Every feed has delivered its first list. Until then nothing is built, so that no proxy is ever sent
  // half of the world.
  // Without `secretsKnown` the objects are those of a snapshot, which holds no Secrets: what a gateway proxy is to have
  // is not known then, and it waits (with what it has, if it was connected before) until this is called with it.
  void markSynced(bool secretsKnown = true);

  // An object of this content does harm and is treated as one that could not be read, until its content changes.
  void quarantine(api::ObjectPtr object, std::string reason);

  // True after the first build.
  [[nodiscard]] bool ready() const { return ready_.load(); }

  // --- to the streams ---
  Id connect(translate::Proxy proxy, Changed changed) override;
  void disconnect(Id id) override;
  [[nodiscard]] SnapshotPtr current(Id id) const override;

  // Runs `look` on the engine thread between batches and waits for it. Not to be called from `changed`.
  void inspect(const std::function<void(const Core&)>& look);
  [[nodiscard]] EngineStats stats();
  // These do not wait for the engine.
  [[nodiscard]] EngineQueue queue() const;
  [[nodiscard]] EngineTimes times() const { return {waits_.values(), batchTimes_.values()}; }
  // How many batches were worked on: unless it changes, inspect() sees what it saw before.
  [[nodiscard]] std::uint64_t batches() const { return batches_.load(); }
  // ConfigObjects::revision() after the last batch.
  [[nodiscard]] std::uint64_t configurationRevision() const { return configurationRevision_.load(); }

 private:
  struct PendingKind {
    std::optional<std::map<api::NamespacedName, api::ObjectPtr>> replacement;
    std::map<api::NamespacedName, api::ObjectPtr> changes;  // null: removed
  };
  // A stream's callback; the lock makes disconnect() wait for a call that is under way.
  struct Subscriber {
    std::mutex mutex;
    Changed changed;
  };
  struct Work {
    std::array<PendingKind, api::kKindCount> kinds;
    std::vector<std::pair<Id, translate::Proxy>> connects;
    std::vector<Id> disconnects;
    std::vector<std::pair<api::ObjectPtr, std::string>> accused;
    std::vector<std::function<void()>> inspections;
    bool objects = false;                             // any of `kinds` or `accused` holds something
    std::chrono::steady_clock::time_point arrived{};  // the first of these
  };

  void noteArrival();
  void run();
  void work(Work work, bool synced);
  std::vector<store::Change> changesOf(std::array<PendingKind, api::kKindCount>& kinds) const;

  const Options options_;
  Core core_;  // engine thread only

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Work pending_;
  bool synced_ = false, secretsKnown_ = false;
  bool stopping_ = false;
  std::size_t handing_ = 0;                               // calls of together() under way
  std::vector<std::pair<Id, translate::Proxy>> waiting_;  // gateways, until secrets are known

  mutable std::mutex publishedMutex_;
  std::map<Id, SnapshotPtr> published_;
  std::map<Id, std::shared_ptr<Subscriber>> subscribers_;
  Id nextId_ = 1;

  std::atomic<bool> ready_{false};
  std::atomic<std::uint64_t> batchNanoseconds_{0}, batches_{0}, configurationRevision_{0};
  Histogram waits_{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 3, 5, 10, 20, 30};
  Histogram batchTimes_{.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 5, 20};
  std::thread thread_;
};

}  // namespace fairway::engine
