#pragma once

#include <chrono>
#include <string>

#include "identity/trust_bundle.h"

namespace fairway::agent {

// What Envoy gets from the agent: the workload's certificate with its key, and the roots to trust. The key lives here,
// in Envoy's memory, and nowhere else.
struct Secrets {
  std::string certificateChain;                    // PEM, leaf first
  std::string privateKey;                          // PEM
  std::string roots;                               // PEM; of the CA, the control plane's too
  std::chrono::system_clock::time_point notAfter;  // of the leaf
  identity::TrustBundle trust = {};                // what `roots` leave out; its own roots are not used

  bool operator==(const Secrets&) const = default;
};

}  // namespace fairway::agent
