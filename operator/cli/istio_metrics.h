#pragma once

#include "cli/figures.h"
#include "cli/metrics.h"

namespace fairway::cli {

// What Istio's control plane exports too, by its names, as far as it means the same here; docs/reference/metrics.md
// tells the differences. Dashboards and alerts for Istio read these.
void addIstioMetrics(MetricsBuilder& metrics, const Figures& figures);

}  // namespace fairway::cli
