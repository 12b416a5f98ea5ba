#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

namespace fairway {

// Counts values by upper bounds, as Prometheus' histograms do. Thread-safe without locks: a value costs two additions.
class Histogram {
 public:
  struct Values {
    std::vector<double> bounds;
    std::vector<std::uint64_t> counts;  // of each bound, not cumulated; one more: of what is above all bounds
    double sum = 0;
    [[nodiscard]] std::uint64_t total() const;
  };

  // Ascending.
  explicit Histogram(std::initializer_list<double> bounds);

  void observe(double value);
  // What is observed meanwhile may be in the counts and not yet in the sum.
  [[nodiscard]] Values values() const;

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

}  // namespace fairway
