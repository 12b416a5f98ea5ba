#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace fairway::discovery {

// Holds streams back while many wait. The first request of a stream stays in memory until there is a snapshot to compare
// it with, and when a control plane starts, all proxies come at once, each with the versions of all it has. Beyond some
// bytes of such requests, further streams are not read yet: what they have to say stays with them. Thread-safe.
class FirstReads {
 public:
  explicit FirstReads(std::size_t bytes) : most_(bytes) {}

  // True: read now. False: `read` is called later, once, by any thread, unless `stream` is gone by then; it is not to
  // block.
  bool mayRead(std::weak_ptr<const void> stream, std::function<void()> read);
  // A first request of that many bytes waits for its snapshot; it does no more.
  void waits(std::size_t bytes);
  void waitsNoMore(std::size_t bytes);
  // To be called every now and then: a stream that was let in may have nothing to say, and so let nobody in after it.
  void sweep();
  [[nodiscard]] std::size_t heldBack() const;

 private:
  struct Stream {
    std::weak_ptr<const void> alive;
    std::function<void()> read;
  };

  void letIn(std::size_t count);

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::size_t waiting_ = 0;  // bytes
  std::deque<Stream> heldBack_;
};

}  // namespace fairway::discovery
