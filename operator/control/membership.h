#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/balance.h"
#include "kube/api_server.h"

namespace fairway::control {

struct MembershipOptions {
  std::string ns, pod, revision;
  std::chrono::milliseconds period{5'000};         // between two rounds
  std::chrono::milliseconds newsPeriod{1'000};     // between a round and one for the sake of news
  std::chrono::milliseconds acquaintance{12'000};  // from the first round until all others are known
  std::function<bool()> ready;                     // false: not yet a replica that others count
  std::function<std::size_t()> streams;            // proxies connected here
  // Ends `count` streams, spread over `over`; returns how many it will.
  std::function<std::size_t(std::size_t count, std::chrono::milliseconds over)> shed;
  std::function<bool()> leading;  // this replica removes the leases of the dead
};

// One replica among those of its revision: tells the others how many streams it has and sheds what is above its fair
// share. Each round renews its own lease, reads all, and acts on them. One thread.
class Membership {
 public:
  Membership(kube::ApiServer& server, MembershipOptions options);
  ~Membership();  // leave()
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  void start();
  // Stops, and removes the own lease, so that no one waits for this replica to take its share.
  void leave();

  // From any thread. What this replica tells the others, soon; and what each of them told last. Nothing: it has not been
  // here for long enough to know them all.
  void tell(std::string report);
  [[nodiscard]] std::optional<std::vector<std::string>> reports() const;
  [[nodiscard]] std::size_t replicas() const { return replicas_; }  // alive ones, this one included
  [[nodiscard]] std::uint64_t shed() const { return shed_; }        // streams, since the start

 private:
  void run(const std::stop_token& stop);
  kube::ApiResult<void> round(const std::stop_token& stop);
  kube::ApiResult<void> publish(const std::stop_token& stop);
  void act(const std::stop_token& stop);

  kube::ApiServer& server_;
  const MembershipOptions options_;
  const std::string name_;
  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::string report_;                                               // guarded by mutex_
  bool news_ = false;                                                // guarded by mutex_: report_ was not published yet
  std::vector<std::string> reports_;                                 // guarded by mutex_
  std::optional<std::chrono::steady_clock::time_point> firstRound_;  // guarded by mutex_
  ReplicaTable table_;                                               // of the thread
  Lease own_;  // of the thread; resourceVersion is empty while it is not known to be there
  std::atomic<std::size_t> replicas_{1};
  std::atomic<std::uint64_t> shed_{0};
  std::jthread thread_;
};

}  // namespace fairway::control
