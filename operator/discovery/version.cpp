#include "discovery/version.h"

#include <cstdio>

#include "base/hash.h"

namespace fairway::discovery {
namespace {

constexpr std::size_t kDigits = 16;

bool parse(std::string_view text, std::uint64_t& out) {
  out = 0;
  bool good = true;
  for (const char c : text) {
    const auto digit = static_cast<unsigned>(c - '0'), letter = static_cast<unsigned>(c - 'a');
    good = good && (digit < 10 || letter < 6);
    out = out << 4U | (digit < 10 ? digit : letter + 10);
  }
  return good;
}

}  // namespace

Version::Version(std::string_view text) {
  if (text.empty()) return;
  const auto read = [this](std::string_view digits) {
    return digits.size() == 2 * kDigits && parse(digits.substr(0, kDigits), high_) &&
           parse(digits.substr(kDigits), low_);
  };
  if (!read(text)) read(contentHash(text));
}

std::string Version::toString() const {
  if (!*this) return {};
  char text[2 * kDigits + 1];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(high_),
                static_cast<unsigned long long>(low_));
  return text;
}

}  // namespace fairway::discovery
