#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "control/lease.h"
#include "kube/api_server.h"

namespace fairway::control {

struct ElectionSettings {
  std::chrono::seconds duration{15};        // how long others leave a lease alone that does not change
  std::chrono::milliseconds renew{10'000};  // a leader that could not renew for this long stops leading
  std::chrono::milliseconds retry{2'000};   // between two attempts; candidates take up to 1.2 times more on top
};

// Who of several replicas leads, by one Lease; the decisions of one of them, without threads, clock and IO. The driver
// (elector.h) waits until next(), makes the request of step(), and reports how it went.
//
// Clocks of different machines are never compared: another's lease has run out when it has not changed for its
// duration, by one's own steady clock. A leader counts from before its last successful request was sent, and gives up
// well before the others may take over, so that there is never more than one.
class Election {
 public:
  using Time = std::chrono::steady_clock::time_point;

  struct Step {
    enum class Act { read, create, update };
    Act act = Act::read;
    Lease lease;  // what to create or update
  };

  // `random` gives numbers in [0, 1).
  Election(std::string ns, std::string name, std::string holder, ElectionSettings settings,
           std::function<double()> random);

  // When to make the request of step(). In the past: now.
  [[nodiscard]] Time next() const { return next_; }
  // `wall` is the time to write into the lease.
  [[nodiscard]] Step step(Time now, std::chrono::system_clock::time_point wall) const;

  // How the request of step() went, at `now`; `started` is when it was sent.
  void found(std::optional<Lease> lease, Time now);  // read: nothing if there is none
  void stored(Lease lease, Time started, Time now);  // create, update: it is ours, as stored
  void failed(kube::ApiError::Kind kind, Time now);

  [[nodiscard]] bool leading(Time now) const { return leading_ && now < until_; }
  // When leading() ends unless the lease is renewed; nothing while not leading.
  [[nodiscard]] std::optional<Time> until() const;
  // As last seen; empty: nobody, or not known.
  [[nodiscard]] std::string leader() const { return observed_ ? observed_->holder : std::string(); }
  // Ends leading. What to write so that another need not wait; nothing if the lease is not ours.
  std::optional<Lease> release(std::chrono::system_clock::time_point wall);

 private:
  [[nodiscard]] bool ours() const { return observed_ && observed_->holder == holder_; }
  [[nodiscard]] bool expired(Time now) const;
  void observe(std::optional<Lease> lease, Time now);
  void later(Time now);

  const std::string ns_, name_, holder_;
  const ElectionSettings settings_;
  const std::function<double()> random_;
  std::optional<Lease> observed_;
  Time observedAt_{};   // when it last changed, as far as was seen
  bool known_ = false;  // observed_ says how things are: a write may start from it
  bool leading_ = false;
  Time until_{}, next_{};
};

}  // namespace fairway::control
