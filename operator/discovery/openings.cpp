#include "discovery/openings.h"

#include <utility>

namespace fairway::discovery {

bool Openings::enter(std::weak_ptr<const void> stream, std::function<bool()> letIn) {
  const std::lock_guard lock(mutex_);
  if (free_ > 0) {
    --free_;
    return true;
  }
  waiting_.push_back({std::move(stream), std::move(letIn)});
  return false;
}

void Openings::leave() {
  for (;;) {
    Waiting next;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.empty()) {
        ++free_;
        return;
      }
      next = std::move(waiting_.front());
      waiting_.pop_front();
    }
    const auto alive = next.stream.lock();
    if (alive && next.letIn()) return;
  }
}

void Openings::sweep() {
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [](const auto& each) { return each.stream.expired(); });
}

std::size_t Openings::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_.size();
}

}  // namespace fairway::discovery
