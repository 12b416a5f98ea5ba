#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace fairway::evaluate {

struct Ip {
  bool v6 = false;
  std::array<std::uint8_t, 16> bytes{};  // the first four of IPv4
  bool operator==(const Ip&) const = default;
};

// Nothing if the text is no IP address.
std::optional<Ip> parseIp(const std::string& text);
// Families never match each other.
bool inRange(const Ip& ip, const Ip& prefix, std::uint32_t length);
bool isLoopback(const Ip& ip);

}  // namespace fairway::evaluate
