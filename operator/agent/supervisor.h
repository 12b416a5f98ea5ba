#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/result.h"

namespace fairway::agent {

struct SupervisorOptions {
  std::vector<std::string> command;           // program and arguments
  std::vector<std::string> environment;       // variables besides our own, or in their place: "NAME=value"
  std::function<void()> beforeStart;          // before each start; may be empty
  std::function<void()> drain;                // tells the program to let its connections end; may be empty
  std::function<bool()> drained;              // asked while draining: true ends it; may be empty
  std::chrono::milliseconds drainTime{5000};  // from there to SIGTERM at the latest; 0: no draining
  std::chrono::milliseconds killAfter{5000};  // from SIGTERM to SIGKILL
  unsigned maxRestarts = 10;                  // crashes in a row
  std::chrono::milliseconds firstBackoff{200}, maxBackoff{10'000};
  std::chrono::milliseconds stableAfter{60'000};  // a crash after this long is the first in a row
};

// Keeps one program running: starts it in a process group of its own, starts it again when it crashes, drains and ends
// it on stop(). The program dies with the thread that called run().
class Supervisor {
 public:
  enum class End {
    stopped,  // by stop()
    exited,   // the program ended with code 0, on purpose
    crashed,  // too often in a row
  };
  static Result<std::unique_ptr<Supervisor>> make(SupervisorOptions options);
  ~Supervisor();

  // Blocks until the end. Once.
  End run();
  // The first call drains and then ends the program, a second one ends it at once. From any thread.
  void stop();

  [[nodiscard]] bool stopping() const { return stops_ > 0; }
  [[nodiscard]] pid_t child() const { return child_; }  // 0: none is running
  [[nodiscard]] unsigned starts() const { return starts_; }

 private:
  using Clock = std::chrono::steady_clock;
  Supervisor(SupervisorOptions options, int event) : options_(std::move(options)), event_(event) {}
  [[nodiscard]] Result<int> startChild();  // a pidfd
  int superviseChild(int pidfd);           // its wait status
  bool pause(std::chrono::milliseconds time);
  void kill(int signal) const;

  const SupervisorOptions options_;
  const int event_;  // readable after stop()
  std::atomic<unsigned> stops_{0};
  std::atomic<pid_t> child_{0};
  std::atomic<unsigned> starts_{0};
};

}  // namespace fairway::agent
