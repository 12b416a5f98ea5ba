#include "discovery/version.h"

#include <array>
#include <cstdint>
#include <string_view>

#include "base/hash.h"

namespace fairway::discovery {
namespace {

constexpr std::size_t kHalf = kVersionDigits / 2;

// The number of each character, 255 for one that is not a digit.
constexpr auto kValues = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(255);
  for (std::size_t i = 0; i < kVersionAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kVersionAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}();

bool parse(std::string_view text, std::uint64_t& out) {
  out = 0;
  bool good = true;
  for (const char c : text) {
    const auto value = kValues[static_cast<unsigned char>(c)];
    good = good && value != 255;
    out = out << 6U | (value & 63U);
  }
  return good;
}

void write(std::uint64_t number, std::string& text) {
  for (std::size_t digit = kHalf; digit-- > 0;) text += kVersionAlphabet[number >> (6 * digit) & 63U];
}

}  // namespace

Version::Version(std::string_view text) {
  if (text.empty()) return;
  const auto read = [this](std::string_view digits) {
    return digits.size() == kVersionDigits && parse(digits.substr(0, kHalf), high_) &&
           parse(digits.substr(kHalf), low_);
  };
  if (!read(text)) read(contentVersion(text));
}

std::string Version::toString() const {
  std::string text;
  if (!*this) return text;
  write(high_, text);
  write(low_, text);
  return text;
}

void VersionSum::add(std::string_view name, const Version& version) {
  // Name and version are mixed: a sum of both would be the same when two resources change their contents with each other.
  high_ += seededHash(name, version.high_);
  low_ += seededHash(name, ~version.low_);
  ++count_;
}

std::string VersionSum::toString() const {
  return contentVersion(std::to_string(high_) + "," + std::to_string(low_) + "," + std::to_string(count_));
}

}  // namespace fairway::discovery
