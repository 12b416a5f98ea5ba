#include "inject/quantity.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace fairway::inject {
namespace {

bool isDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

bool allDigits(std::string_view text) { return !text.empty() && std::all_of(text.begin(), text.end(), isDigit); }

bool isExponent(std::string_view text) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return false;
  text.remove_prefix(text[1] == '+' || text[1] == '-' ? 2 : 1);
  return allDigits(text);
}

}  // namespace

// The grammar of apimachinery's resource.Quantity.
bool isQuantity(std::string_view text) {
  static constexpr std::array<std::string_view, 16> kSuffixes = {"",  "n", "u",  "m",  "k",  "M",  "G",  "T",
                                                                 "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto end = std::find_if(text.begin(), text.end(), [](char c) { return !isDigit(c) && c != '.'; });
  const auto number = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  const auto suffix = text.substr(number.size());
  const bool hasDigit = std::any_of(number.begin(), number.end(), isDigit);
  if (!hasDigit || std::count(number.begin(), number.end(), '.') > 1) return false;
  return isExponent(suffix) || std::find(kSuffixes.begin(), kSuffixes.end(), suffix) != kSuffixes.end();
}

}  // namespace fairway::inject
