#include "api/yaml_scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/strings.h"

namespace fairway::api {
namespace {

// In lower, upper or title case, as YAML lists the words it knows.
bool isWord(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  const auto upper = toUpper(word);
  return text == word || text == upper || (text[0] == upper[0] && text.substr(1) == word.substr(1));
}

bool isAnyWord(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return isWord(text, word); });
}

std::optional<nlohmann::json> wholeNumber(std::string_view text) {
  const bool negative = text.starts_with('-');
  auto digits = negative || text.starts_with('+') ? text.substr(1) : text;
  int base = 10;
  const auto strip = [&](std::string_view prefix, int with) {
    if (base != 10 || digits.size() <= prefix.size() || !digits.starts_with(prefix)) return;
    digits.remove_prefix(prefix.size());
    base = with;
  };
  strip("0x", 16);
  strip("0o", 8);
  strip("0b", 2);
  strip("0", 8);  // YAML 1.1
  std::uint64_t value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  if (!negative) return value;
  if (value > static_cast<std::uint64_t>(INT64_MAX) + 1) return std::nullopt;
  return static_cast<std::int64_t>(0 - value);
}

std::optional<nlohmann::json> fraction(std::string_view text) {
  const auto digits = text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  const bool shaped =
      !digits.empty() && digits.find_first_not_of("0123456789.eE+-") == std::string_view::npos &&
      (std::isdigit(static_cast<unsigned char>(digits[0])) != 0 ||
       (digits.size() > 1 && digits[0] == '.' && std::isdigit(static_cast<unsigned char>(digits[1])) != 0));
  if (!shaped) return std::nullopt;
  double value = 0;
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error != std::errc() || stop != end || !std::isfinite(value)) return std::nullopt;
  return text.starts_with('-') ? -value : value;
}

}  // namespace

nlohmann::json plainScalar(const std::string& text) {
  if (text.empty() || text == "~" || isWord(text, "null")) return nullptr;
  if (isAnyWord(text, {"true", "yes", "on"})) return true;
  if (isAnyWord(text, {"false", "no", "off"})) return false;
  std::string digits = text;
  if (std::isdigit(static_cast<unsigned char>(text.back())) != 0) {
    digits.erase(std::remove(digits.begin(), digits.end(), '_'), digits.end());
  }
  if (text[0] != '_') {
    if (auto number = wholeNumber(digits)) return *number;
    if (auto number = fraction(digits)) return *number;
  }
  return text;
}

}  // namespace fairway::api
