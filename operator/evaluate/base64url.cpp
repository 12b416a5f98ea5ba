#include "evaluate/base64url.h"

namespace fairway::evaluate {

namespace {

constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

}  // namespace

std::optional<std::string> decodeBase64Url(std::string_view text) {
  std::string out;
  unsigned bits = 0, count = 0;
  bool padding = false;
  for (const char c : text) {
    if (c == ' ' || c == '\t') continue;
    if (c == '=') {
      padding = true;
      continue;
    }
    const auto digit = kDigits.find(c);
    if (padding || digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6U | static_cast<unsigned>(digit)) & 0xFFFFFFU;
    if (++count % 4 != 1) out += static_cast<char>(bits >> (count % 4 == 2 ? 4U : count % 4 == 3 ? 2U : 0U) & 0xFFU);
  }
  if (count % 4 == 1) return std::nullopt;
  return out;
}

std::string encodeBase64Url(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    unsigned bits = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      bits = bits << 8U | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    const std::size_t digits = std::min<std::size_t>(bytes.size() - i, 3) + 1;
    for (std::size_t k = 0; k < digits; ++k) out += kDigits[bits >> (18 - 6 * k) & 0x3FU];
  }
  return out;
}

}  // namespace fairway::evaluate
