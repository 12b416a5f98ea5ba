#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace fairway {

// "2026-01-02T03:04:05Z" (RFC 3339, whole seconds).
std::string utcText(std::chrono::system_clock::time_point time);

// Seconds since 1970, of whoever: what the clock's type cannot hold (beyond the year 2262, say) is its end.
std::chrono::system_clock::time_point timeOfSeconds(std::int64_t seconds);

}  // namespace fairway
