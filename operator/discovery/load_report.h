#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fairway::discovery {

// What a proxy has sent to the clusters it knows since its last report. Only clusters with something to tell.
struct LoadReport {
  struct Cluster {
    std::string name;
    std::uint64_t succeeded = 0, failed = 0;  // requests that were answered; failed: by a 5xx, or not at all
    std::uint64_t connections = 0;            // new ones; of HTTP, requests that were begun
  };
  std::vector<Cluster> clusters;
  std::chrono::milliseconds interval{0};  // that it is of
};

}  // namespace fairway::discovery
