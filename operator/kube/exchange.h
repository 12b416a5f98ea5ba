#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace fairway::kube {

// One HTTP answer on its way from the HTTP library's threads to the thread that waits for it. Shared by both, so
// that the waiting one may leave at any time: the library's cancellation can take as long as a name lookup.
struct Exchange {
  std::mutex mutex;
  std::condition_variable_any changed;
  int status = 0;                        // HTTP status, once the headers are there
  std::string data;                      // body that is not taken yet
  bool finished = false;                 // nothing more will come
  std::string failure;                   // why it finished; empty after a complete answer
  std::atomic<std::uint64_t> taken = 0;  // bytes of the body that the waiting thread took

  void begin(int httpStatus) {
    {
      const std::lock_guard lock(mutex);
      status = httpStatus;
    }
    changed.notify_all();
  }
  void add(std::string_view bytes) {
    {
      const std::lock_guard lock(mutex);
      data += bytes;
    }
    changed.notify_all();
  }
  void finish(std::string reason) {
    {
      const std::lock_guard lock(mutex);
      finished = true;
      failure = std::move(reason);
    }
    changed.notify_all();
  }
};

}  // namespace fairway::kube
