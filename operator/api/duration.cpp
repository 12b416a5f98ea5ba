#include "api/duration.h"

#include <array>
#include <cctype>
#include <utility>

namespace fairway::api {
namespace {

using namespace std::string_view_literals;

// Longest units first where one is the start of another. Both spellings of the micro sign are Go's.
constexpr std::array kUnits{
    std::pair{"ns"sv, 1.0L}, std::pair{"us"sv, 1e3L}, std::pair{"\xC2\xB5s"sv, 1e3L}, std::pair{"\xCE\xBCs"sv, 1e3L},
    std::pair{"ms"sv, 1e6L}, std::pair{"s"sv, 1e9L},  std::pair{"m"sv, 60e9L},        std::pair{"h"sv, 3600e9L},
};
constexpr long double kMaximum = 9.2e18L;  // nanoseconds that fit 64 bits with sign

bool digit(std::string_view text) { return !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0; }

}  // namespace

Result<Duration> parseDuration(std::string_view text) {
  const auto malformed = [] { return failure("expected a duration such as \"1.5s\", \"100ms\" or \"1h30m\""); };
  if (text == "0") return Duration{0};
  if (!text.empty() && text[0] == '-') return failure("expected a duration that is not negative");
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  if (text.empty()) return malformed();

  long double total = 0;
  while (!text.empty()) {
    long double number = 0;
    bool any = false;
    for (; digit(text); text.remove_prefix(1), any = true) number = number * 10 + (text[0] - '0');
    if (!text.empty() && text[0] == '.') {
      text.remove_prefix(1);
      long double scale = 0.1L;
      for (; digit(text); text.remove_prefix(1), any = true, scale /= 10) number += scale * (text[0] - '0');
    }
    if (!any) return malformed();
    bool known = false;
    for (const auto& [unit, nanoseconds] : kUnits) {
      if (!text.starts_with(unit)) continue;
      total += number * nanoseconds;
      text.remove_prefix(unit.size());
      known = true;
      break;
    }
    if (!known) return malformed();
    if (total > kMaximum) return failure("expected a duration under 292 years");
  }
  return Duration{static_cast<std::int64_t>(total + 0.5L)};
}

}  // namespace fairway::api
