#pragma once

#include "base/log.h"

namespace fairway::discovery {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("discovery");
  return scope;
}

}  // namespace fairway::discovery
