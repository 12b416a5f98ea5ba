#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fairway::discovery {

// The changes that one client has not taken up yet: which snapshot has each, and when it arrived at the control plane.
// A client that falls far behind costs no more than kMost: further changes count as one, from the oldest on.
class Lag {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::size_t kMost = 32;

  // Generations grow.
  void changed(std::uint64_t generation, Time arrived);
  // The client has taken up this snapshot: when the changes arrived that it had not taken up before.
  std::vector<Time> applied(std::uint64_t generation);

  [[nodiscard]] std::size_t size() const { return waiting_.size(); }

 private:
  struct Waiting {
    std::uint64_t generation;
    Time arrived;
  };
  std::vector<Waiting> waiting_;
};

}  // namespace fairway::discovery
