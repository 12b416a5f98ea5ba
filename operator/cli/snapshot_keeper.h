#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "cli/stand_in.h"
#include "cli/store_snapshot.h"
#include "engine/engine.h"
#include "kube/source.h"

namespace fairway::cli {

// The snapshot of the store in a folder: begins from it when the API server is away at the start, and keeps it up to date
// on a thread of its own.
class SnapshotKeeper {
 public:
  struct Options {
    std::string folder;   // made with mode 0700 if missing
    SnapshotOwner owner;  // with the roots that were in use last; see confirm()
    // How long the API server must be away before the snapshot stands in.
    std::chrono::milliseconds patience{3'000};
    // A changed store is written at most so often; one that stays as it is, so often too, so that the time tells how old
    // the objects can be.
    std::chrono::milliseconds interval{10'000}, refresh{300'000};
  };
  // Reads what is there. A snapshot that cannot be used is told in the log and left out.
  explicit SnapshotKeeper(Options options);
  ~SnapshotKeeper() { stop(); }
  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  // Whether there is a snapshot to begin from, and of which kinds it holds objects.
  [[nodiscard]] bool usable() const { return snapshot_.has_value(); }
  [[nodiscard]] std::set<api::Kind> kinds() const;

  // The roots that are really in use: with others than before, the snapshot is of no use.
  void confirm(const std::string& rootsHash);
  // What the source is to deliver into, in place of `sink`.
  kube::Sink& between(kube::Sink& sink);
  // Both stay until stop() has returned.
  void start(engine::Engine& engine, const kube::Source& source);
  void stop();  // writes what has changed

  // To be called often, on one thread, until the engine has what the source lists: puts the snapshot into the engine, and
  // marks the engine synced, when the source has waited long enough.
  void tick(std::chrono::steady_clock::time_point now);
  // The source is synced: the snapshot has been replaced.
  void arrived();

  struct State {
    std::optional<std::chrono::system_clock::time_point> serving;  // time of the snapshot that stands in
    std::optional<std::chrono::system_clock::time_point> written;  // of the file
    std::size_t bytes = 0;                                         // of the file
    std::string problem;                                           // why it cannot be written; empty: it can
    // What the objects took in memory when the file was written, by kind.
    std::array<std::size_t, api::kKindCount> memory{};
  };
  [[nodiscard]] State state() const;  // from any thread

 private:
  void run(const std::stop_token& stop);
  void write();

  const Options options_;
  const std::string path_;
  SnapshotOwner owner_;
  std::optional<StoreSnapshot> snapshot_;  // until it is no longer needed
  std::unique_ptr<StandIn> standIn_;
  engine::Engine* engine_ = nullptr;
  const kube::Source* source_ = nullptr;
  std::optional<std::chrono::steady_clock::time_point> awaySince_;

  mutable std::mutex mutex_;
  State state_;
  // Of the thread that writes:
  std::uint64_t writtenChanges_ = 0;
  std::optional<std::chrono::steady_clock::time_point> writtenAt_;
  std::jthread thread_;  // last: joined before anything else goes
};

}  // namespace fairway::cli
