#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Lines of Prometheus' text format (version 0.0.4).
namespace fairway::agent {

// One sample. The views are into the line.
struct Sample {
  std::string_view name;
  std::string_view labels;  // what is between the braces, as it stands; empty: none
  std::string_view value;   // and, if there is one, the time stamp
};
// Nothing for comments, empty lines and what is none of the format.
std::optional<Sample> parseSample(std::string_view line);

using Labels = std::vector<std::pair<std::string, std::string>>;
// Values without escapes, in the order of the text. Nothing if it is malformed.
std::optional<Labels> parseLabels(std::string_view text);

// Appends `name="value"`, with a comma before it unless it is the first. What is no UTF-8 becomes '?': one such byte would cost
// Prometheus the whole page. Longer values than 512 bytes are cut.
void appendLabel(std::string& text, std::string_view name, std::string_view value);

// Calls `each` with every line, without its end.
template <class Function>
void eachLine(std::string_view text, Function each) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    each(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace fairway::agent
