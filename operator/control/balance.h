#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "control/lease.h"

namespace fairway::control {

// How many of its streams a replica should end now, so that their proxies come back, anywhere. `own` are its streams,
// `others` those of each other replica. None while it has at most its fair share (the mean, a tenth and one on top), or
// one replica lacks more than a fifth of it; then the surplus over the mean, at most a tenth of its streams at a time.
std::size_t streamsToShed(std::size_t own, const std::vector<std::size_t>& others);

// What the replicas of one revision tell of themselves, each in a Lease of its own: `fairway-replica-<pod>`, with the
// number of its streams in an annotation. No threads, clock or IO. Leases are judged by one's own steady clock: one
// that does not change is of a replica that is gone, whatever the times in it say.
class ReplicaTable {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr const char* kStreams = "fairway/streams";      // annotation
  static constexpr const char* kReport = "fairway/report";        // annotation: what the replica tells the leader
  static constexpr const char* kRevision = "istio.io/rev";        // label
  static constexpr const char* kComponent = "fairway/component";  // label, value "replica"
  static constexpr std::chrono::seconds kAlive{15}, kForgotten{60};

  // `self` is the name of one's own lease.
  explicit ReplicaTable(std::string self) : self_(std::move(self)) {}

  // All leases of replicas as they are at `now`.
  void observe(const std::vector<Lease>& leases, Time now);
  // Streams of each other replica that is alive.
  [[nodiscard]] std::vector<std::size_t> others(Time now) const;
  // The report of each other replica that is alive; empty where it says nothing.
  [[nodiscard]] std::vector<std::string> reports(Time now) const;
  // Whose leases those of the living are, one's own among them.
  [[nodiscard]] std::set<std::string> alive(Time now) const;
  // Leases that have not changed for so long that nobody needs them; to be removed in that version.
  [[nodiscard]] std::vector<Lease> forgotten(Time now) const;
  // True once the dead of the past can be told from the living.
  [[nodiscard]] bool settled(Time now) const { return first_ != Time{} && now - first_ >= kAlive; }

 private:
  struct Seen {
    Lease lease;
    Time changed;
  };
  const std::string self_;
  std::map<std::string, Seen> seen_;  // by name
  Time first_{};
};

}  // namespace fairway::control
