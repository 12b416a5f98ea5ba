#pragma once

#include <array>
#include <chrono>

#include "base/histogram.h"
#include "translate/resource.h"

namespace fairway::discovery {

inline double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// How long the parts of serving take, in seconds, and how much a response holds, in bytes. Of all streams together.
struct Times {
  // From the arrival of a change until a proxy has taken it up: accepted, or refused each alone, all that it led to.
  Histogram convergence{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 3, 5, 10, 20, 30};
  // From a new snapshot until a stream's turn looks at it.
  Histogram queue{.0001, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 3, 5, 10, 20, 30};
  // From the start of a write until gRPC is ready for the next one.
  Histogram send{.0001, .001, .01, .1, 1, 3, 5, 10, 20, 30};
  // By type: to decide on and encode one response, and its size.
  struct OfType {
    Histogram push{.0001, .001, .01, .1, 1, 3, 5, 10, 20, 30};
    Histogram bytes{1, 1'000, 10'000, 100'000, 1'000'000, 4'000'000, 10'000'000, 40'000'000};
  };
  std::array<OfType, translate::kTypeCount> types;
};

// The same, to be read.
struct TimeValues {
  Histogram::Values convergence, queue, send;
  struct OfType {
    Histogram::Values push, bytes;
  };
  std::array<OfType, translate::kTypeCount> types;
};

}  // namespace fairway::discovery
