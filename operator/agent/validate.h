#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/result.h"

namespace fairway::agent {

// Whether Envoy would start with the bootstrap in this file: Envoy itself is asked, without listening or connecting to anybody. Failure:
// Envoy's words, at most some hundred bytes of them; that it gave no answer in time; or that `stopped` became true.
Result<void> validateBootstrap(const std::string& envoy, const std::string& file, std::chrono::milliseconds limit,
                               const std::function<bool()>& stopped);

}  // namespace fairway::agent
