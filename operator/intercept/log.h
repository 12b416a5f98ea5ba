#pragma once

#include "base/log.h"

namespace fairway::intercept {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("intercept");
  return scope;
}

}  // namespace fairway::intercept
