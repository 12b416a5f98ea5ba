#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fairway::discovery {

// A few threads that take jobs in the order in which they came. A stream puts one short job at a time in (one message
// read, one written), so that streams take turns and none holds up the others. Thread-safe.
class Turns {
 public:
  explicit Turns(std::size_t threads);
  ~Turns();  // runs what is queued, then joins
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  // Returns at once. Jobs do not throw.
  void add(std::function<void()> job);
  [[nodiscard]] std::size_t waiting() const;

 private:
  void run();

  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fairway::discovery
