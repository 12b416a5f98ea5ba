#pragma once

#include "base/log.h"

namespace fairway::control {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("control");
  return scope;
}

}  // namespace fairway::control
