#include "discovery/first_reads.h"

#include <utility>
#include <vector>

namespace fairway::discovery {
namespace {

constexpr std::size_t kPerSweep = 64;

}  // namespace

bool FirstReads::mayRead(std::weak_ptr<const void> stream, std::function<void()> read) {
  const std::lock_guard lock(mutex_);
  // In the order in which they came.
  if (waiting_ < most_ && heldBack_.empty()) return true;
  heldBack_.push_back({std::move(stream), std::move(read)});
  return false;
}

void FirstReads::waits(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  waiting_ += bytes;
}

void FirstReads::waitsNoMore(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex_);
    waiting_ -= bytes;
  }
  // As many as leave: a number that does not grow while they come.
  letIn(1);
}

void FirstReads::sweep() {
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(heldBack_, [](const auto& each) { return each.alive.expired(); });
  }
  letIn(kPerSweep);
}

void FirstReads::letIn(std::size_t count) {
  std::vector<Stream> in;
  {
    const std::lock_guard lock(mutex_);
    while (waiting_ < most_ && in.size() < count && !heldBack_.empty()) {
      if (!heldBack_.front().alive.expired()) in.push_back(std::move(heldBack_.front()));
      heldBack_.pop_front();
    }
  }
  for (const auto& each : in) each.read();
}

std::size_t FirstReads::heldBack() const {
  const std::lock_guard lock(mutex_);
  return heldBack_.size();
}

}  // namespace fairway::discovery
