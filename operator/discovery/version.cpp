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

void VersionSum::add(std::string_view name, const Version& version) {
  std::uint64_t hash =
      0xcbf29ce484222325U;  // FNV-1a: the versions are good hashes, the name only has to tell them apart
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  constexpr std::uint64_t kOdd = 0x9e3779b97f4a7c15U;
  high_ += (version.high_ ^ hash) * kOdd;
  low_ += (version.low_ + hash) * kOdd;
  ++count_;
}

std::string VersionSum::toString() const {
  return contentHash(std::to_string(high_) + "," + std::to_string(low_) + "," + std::to_string(count_));
}

}  // namespace fairway::discovery
