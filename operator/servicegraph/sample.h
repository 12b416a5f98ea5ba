#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fairway::servicegraph {

using Labels = std::map<std::string, std::string, std::less<>>;

// One series of an instant query, or one line of a page of metrics.
struct Sample {
  Labels labels;
  double value = 0;
  // Empty where there is none.
  [[nodiscard]] const std::string& label(std::string_view name) const {
    static const std::string none;
    const auto found = labels.find(name);
    return found == labels.end() ? none : found->second;
  }
  bool operator==(const Sample&) const = default;
};
using Samples = std::vector<Sample>;

}  // namespace fairway::servicegraph
