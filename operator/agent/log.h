#pragma once

#include "base/log.h"

namespace fairway::agent {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("agent");
  return scope;
}

}  // namespace fairway::agent
