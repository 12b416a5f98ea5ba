#include "evaluate/address.h"

#include <arpa/inet.h>

#include <algorithm>

namespace fairway::evaluate {

std::optional<Ip> parseIp(const std::string& text) {
  Ip ip;
  if (inet_pton(AF_INET, text.c_str(), ip.bytes.data()) == 1) return ip;
  ip.v6 = true;
  if (inet_pton(AF_INET6, text.c_str(), ip.bytes.data()) == 1) return ip;
  return std::nullopt;
}

bool inRange(const Ip& ip, const Ip& prefix, std::uint32_t length) {
  if (ip.v6 != prefix.v6) return false;
  const std::uint32_t bits = std::min<std::uint32_t>(length, ip.v6 ? 128 : 32);
  for (std::uint32_t at = 0; at < bits; at += 8) {
    const std::uint32_t left = bits - at;
    const auto mask = static_cast<std::uint8_t>(left >= 8 ? 0xFF : 0xFF << (8 - left));
    if ((ip.bytes[at / 8] & mask) != (prefix.bytes[at / 8] & mask)) return false;
  }
  return true;
}

bool isLoopback(const Ip& ip) {
  static const Ip v6 = *parseIp("::1");
  return ip.v6 ? ip == v6 : ip.bytes[0] == 127;
}

}  // namespace fairway::evaluate
