#pragma once

#include <chrono>
#include <cstdint>
#include <set>

#include "cli/memory.h"
#include "model/common.h"

namespace fairway::cli {

struct ControlPlane;

// What has to happen by the clock, on the main thread: the first sync, statuses, new notes for the log, memory, certificates
// and tokens.
class Housekeeping {
 public:
  explicit Housekeeping(ControlPlane& plane) : plane_(plane) {}

  void tick();
  // How long until the next tick is worth making.
  [[nodiscard]] std::chrono::milliseconds interval() const;

 private:
  void logNewNotes();
  void renew();

  ControlPlane& plane_;
  MemoryKeeper memory_;
  bool synced_ = false, started_ = false;
  std::uint64_t notesOf_ = 0;  // Keeper::looks()
  std::chrono::steady_clock::time_point nextTrim_{},
      nextRenewal_{std::chrono::steady_clock::now() + std::chrono::minutes(1)};
  std::set<model::Note> known_;
};

}  // namespace fairway::cli
