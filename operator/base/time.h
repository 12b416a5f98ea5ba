#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace fairway {

// "2026-01-02T03:04:05Z" (RFC 3339, whole seconds).
std::string utcText(std::chrono::system_clock::time_point time);

// The same back, with a fraction of a second, too. Nothing: it is no such text, or in another time zone.
std::optional<std::chrono::system_clock::time_point> timeOfText(const std::string& text);

// Seconds since 1970, of whoever: what the clock's type cannot hold (beyond the year 2262, say) is its end.
std::chrono::system_clock::time_point timeOfSeconds(std::int64_t seconds);

}  // namespace fairway
