#pragma once

#include "base/log.h"

namespace fairway::console {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("console");
  return scope;
}

}  // namespace fairway::console
