#pragma once

#include "base/log.h"

namespace fairway::engine {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("engine");
  return scope;
}

}  // namespace fairway::engine
