#pragma once

#include "base/log.h"

namespace fairway::kube {

// This room's scope of the log.
inline spdlog::logger& log() {
  static auto& scope = logScope("kube");
  return scope;
}

}  // namespace fairway::kube
