#pragma once

#include <chrono>
#include <string>

namespace fairway {

// "2026-01-02T03:04:05Z" (RFC 3339, whole seconds).
std::string utcText(std::chrono::system_clock::time_point time);

}  // namespace fairway
