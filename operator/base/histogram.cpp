#include "base/histogram.h"

#include <algorithm>
#include <numeric>

namespace fairway {

std::uint64_t Histogram::Values::total() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

Histogram::Histogram(std::initializer_list<double> bounds)
    : bounds_(bounds), counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds.size() + 1)) {}

void Histogram::observe(double value) {
  // A bound belongs to its bucket ("le").
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

Histogram::Values Histogram::values() const {
  Values result{bounds_, {}, sum_.load(std::memory_order_relaxed)};
  result.counts.reserve(bounds_.size() + 1);
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    result.counts.push_back(counts_[i].load(std::memory_order_relaxed));
  }
  return result;
}

}  // namespace fairway
