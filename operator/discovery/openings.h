#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace fairway::discovery {

// Places for streams that say what they have. When a control plane starts, all proxies come back at once, each with some
// hundred kilobytes of names and versions: so many streams are read at a time, and what the others have to say stays
// with them. Thread-safe.
class Openings {
 public:
  explicit Openings(std::size_t places) : free_(places) {}

  // Takes a place. False: there is none; `letIn` is called once by any thread when there is, unless `stream` is gone by
  // then, and says whether it takes it. It is not to block.
  bool enter(std::weak_ptr<const void> stream, std::function<bool()> letIn);
  // Gives a place back; the stream that has been waiting the longest gets it.
  void leave();
  // Forgets streams that are gone.
  void sweep();
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct Waiting {
    std::weak_ptr<const void> stream;
    std::function<bool()> letIn;
  };

  mutable std::mutex mutex_;
  std::size_t free_;
  std::deque<Waiting> waiting_;  // none while there is a free place
};

}  // namespace fairway::discovery
