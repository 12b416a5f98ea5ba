#pragma once

#include <algorithm>
#include <chrono>
#include <functional>

namespace fairway::kube {

// A number in [0, 1).
using Random = std::function<double()>;

// Exponential delays with jitter: each is between half of the nominal delay and all of it, so that the clients of
// a server that went away do not come back in step.
class Backoff {
 public:
  using Milliseconds = std::chrono::milliseconds;

  Backoff(Milliseconds base, Milliseconds most) : base_(base), most_(most), nominal_(base) {}

  Milliseconds next(const Random& random) {
    const Milliseconds half = nominal_ / 2;
    const Milliseconds delay =
        half + Milliseconds(static_cast<Milliseconds::rep>(static_cast<double>((nominal_ - half).count()) * random()));
    nominal_ = std::min(most_, nominal_ * 2);
    return delay;
  }
  void reset() { nominal_ = base_; }

 private:
  Milliseconds base_, most_, nominal_;
};

}  // namespace fairway::kube
