#include "discovery/lag.h"

namespace fairway::discovery {

void Lag::changed(std::uint64_t generation, Time arrived) {
  if (waiting_.size() >= kMost) {
    waiting_.back().generation = generation;
  } else {
    waiting_.push_back({generation, arrived});
  }
}

std::vector<Lag::Time> Lag::applied(std::uint64_t generation) {
  std::vector<Time> result;
  auto each = waiting_.begin();
  for (; each != waiting_.end() && each->generation <= generation; ++each) result.push_back(each->arrived);
  waiting_.erase(waiting_.begin(), each);
  return result;
}

}  // namespace fairway::discovery
