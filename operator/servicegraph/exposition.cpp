#include "servicegraph/exposition.h"

#include <charconv>
#include <limits>

#include "base/strings.h"

namespace fairway::servicegraph {

namespace {

std::optional<double> number(std::string_view text) {
  if (text == "+Inf" || text == "Inf") return std::numeric_limits<double>::infinity();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void skipBlanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == ',')) text.remove_prefix(1);
}

// From behind the brace; what is behind the closing one stays. False: malformed.
bool parseLabels(std::string_view& rest, Labels& labels) {
  for (skipBlanks(rest); !rest.empty() && rest.front() != '}'; skipBlanks(rest)) {
    const auto equals = rest.find('=');
    if (equals == std::string_view::npos || equals + 1 >= rest.size() || rest[equals + 1] != '"') return false;
    const std::string name(trim(rest.substr(0, equals)));
    rest.remove_prefix(equals + 2);
    std::string value;
    while (!rest.empty() && rest.front() != '"') {
      if (rest.front() == '\\' && rest.size() > 1) {
        value += rest[1] == 'n' ? '\n' : rest[1];
        rest.remove_prefix(2);
      } else {
        value += rest.front();
        rest.remove_prefix(1);
      }
    }
    if (rest.empty()) return false;
    rest.remove_prefix(1);
    labels.insert_or_assign(name, std::move(value));
  }
  if (rest.empty()) return false;
  rest.remove_prefix(1);
  return true;
}

}  // namespace

std::optional<MetricLine> parseMetricLine(std::string_view line) {
  const auto nameEnd = line.find_first_of("{ \t");
  if (line.empty() || line.front() == '#' || nameEnd == 0 || nameEnd == std::string_view::npos) return std::nullopt;
  MetricLine result;
  result.name = line.substr(0, nameEnd);
  auto rest = line.substr(nameEnd);
  if (rest.front() == '{') {
    rest.remove_prefix(1);
    if (!parseLabels(rest, result.sample.labels)) return std::nullopt;
  }
  result.series = line.substr(0, line.size() - rest.size());
  rest = trim(rest);
  const auto value = number(rest.substr(0, rest.find_first_of(" \t")));
  if (!value) return std::nullopt;
  result.sample.value = *value;
  return result;
}

void forEachMetric(std::string_view page, std::string_view prefix, const std::function<void(MetricLine)>& take) {
  while (!page.empty()) {
    const auto end = page.find('\n');
    const auto line = trim(page.substr(0, end));
    if (line.starts_with(prefix)) {
      if (auto metric = parseMetricLine(line)) take(std::move(*metric));
    }
    if (end == std::string_view::npos) return;
    page.remove_prefix(end + 1);
  }
}

}  // namespace fairway::servicegraph
