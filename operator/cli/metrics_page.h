#pragma once

#include <vector>

#include <prometheus/metric_family.h>

namespace fairway::cli {

struct AdminInputs;

// What /metrics serves; docs/reference/metrics.md names each.
std::vector<prometheus::MetricFamily> metricsPage(const AdminInputs& inputs);

}  // namespace fairway::cli
