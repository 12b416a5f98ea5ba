#pragma once

#include "base/log.h"

namespace fairway::identity {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("identity");
  return scope;
}

}  // namespace fairway::identity
