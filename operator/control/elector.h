#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "control/election.h"
#include "kube/api_server.h"

namespace fairway::control {

// Runs one replica's Election against an API server, on a thread of its own. The server's requests should time out
// well below ElectionSettings::renew.
class Elector {
 public:
  struct Calls {                    // on the elector's thread; it renews nothing meanwhile, so they return soon
    std::function<void()> started;  // this replica leads now
    std::function<void()> stopped;  // and no longer
  };

  Elector(kube::ApiServer& server, Election election, std::string ns, std::string name, Calls calls);
  ~Elector();  // stop()
  Elector(const Elector&) = delete;
  Elector& operator=(const Elector&) = delete;

  void start();
  // Stops leading and gives the lease back, so that another replica takes over at once. Waits for that, at most some
  // seconds.
  void stop();

  // From any thread. True while this replica may write, by the clock.
  [[nodiscard]] bool leading() const;
  // The holder of the lease as last seen; empty: nobody, or not known.
  [[nodiscard]] std::string leader() const;

 private:
  void run(const std::stop_token& stop);
  void attempt(const std::stop_token& stop);
  void settle();
  void giveBack();

  kube::ApiServer& server_;
  const std::string ns_, name_;
  const Calls calls_;
  mutable std::mutex mutex_;
  Election election_;    // guarded by mutex_
  bool led_ = false;     // of the thread: `started` was called
  std::string problem_;  // of the thread: what the log was told last
  std::jthread thread_;
};

}  // namespace fairway::control
