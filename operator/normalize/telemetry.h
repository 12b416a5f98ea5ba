#pragma once

#include <string>

#include "normalize/queries.h"
#include "store/view.h"

// What workloads tell of their requests and connections: Telemetry objects over the mesh's settings.
namespace fairway::normalize {

// Of a workload or a gateway with these labels.
const model::Telemetry& workloadTelemetry(store::View& view, const std::string& ns, const model::Labels& labels);

TelemetryFor::Value telemetryFor(store::View& view, const TelemetryFor& query);
TelemetryOf::Value telemetryOf(store::View& view, const TelemetryOf& query);

}  // namespace fairway::normalize
