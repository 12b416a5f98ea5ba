#pragma once

#include <chrono>
#include <string>

namespace fairway::agent {

// What Envoy gets from the agent: the workload's certificate with its key, and the roots to trust. The key lives here,
// in Envoy's memory, and nowhere else.
struct Secrets {
  std::string certificateChain;                    // PEM, leaf first
  std::string privateKey;                          // PEM
  std::string roots;                               // PEM
  std::chrono::system_clock::time_point notAfter;  // of the leaf

  bool operator==(const Secrets&) const = default;
};

}  // namespace fairway::agent
