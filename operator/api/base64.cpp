#include "api/base64.h"

#include <cstdint>

namespace fairway::api {
namespace {

int valueOf(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

std::optional<std::string> decodeBase64(std::string_view text) {
  std::string result;
  result.reserve(text.size() / 4 * 3);
  std::uint32_t buffer = 0;
  int characters = 0, padding = 0;
  for (const char c : text) {
    if (c == '\n' || c == '\r') continue;
    if (c == '=') {
      if (++padding > 2) return std::nullopt;
      continue;
    }
    const int value = valueOf(c);
    if (value < 0 || padding > 0) return std::nullopt;
    buffer = (buffer << 6U) | static_cast<std::uint32_t>(value);
    if (++characters < 4) continue;
    result += static_cast<char>(buffer >> 16U & 0xFFU);
    result += static_cast<char>(buffer >> 8U & 0xFFU);
    result += static_cast<char>(buffer & 0xFFU);
    buffer = 0;
    characters = 0;
  }
  if (characters == 0) return padding == 0 ? std::optional(result) : std::nullopt;
  if (characters == 1 || characters + padding != 4) return std::nullopt;
  buffer <<= static_cast<unsigned>(6 * padding);
  result += static_cast<char>(buffer >> 16U & 0xFFU);
  if (characters == 3) result += static_cast<char>(buffer >> 8U & 0xFFU);
  return result;
}

std::optional<std::string> decodeBase64Url(std::string_view text) {
  std::string standard(text);
  for (auto& c : standard) {
    if (c == '+' || c == '/' || c == '\n' || c == '\r') return std::nullopt;
    if (c == '-') c = '+';
    if (c == '_') c = '/';
  }
  if (standard.find('=') == std::string::npos) standard.append((4 - standard.size() % 4) % 4, '=');
  return decodeBase64(standard);
}

std::string encodeBase64(std::string_view bytes) {
  static constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const auto byte = [&](std::size_t at) -> std::uint32_t {
      return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
    };
    const auto group = byte(i) << 16U | byte(i + 1) << 8U | byte(i + 2);
    for (std::size_t k = 0; k < 4; ++k) {
      result += i + k <= bytes.size() ? kLetters[group >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return result;
}

}  // namespace fairway::api
