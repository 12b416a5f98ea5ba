#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "servicegraph/sample.h"

namespace fairway::servicegraph {

// One line of Prometheus' text format, `name{label="value"} 1.5` with or without a time behind it. Nothing if it is a comment or
// malformed.
struct MetricLine {
  std::string name;
  std::string series;  // name and labels as written: what identifies it
  Sample sample;
};
std::optional<MetricLine> parseMetricLine(std::string_view line);

// Calls `take` with each line of the page whose name begins with `prefix`.
void forEachMetric(std::string_view page, std::string_view prefix, const std::function<void(MetricLine)>& take);

}  // namespace fairway::servicegraph
