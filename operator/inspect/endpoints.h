#pragma once

#include "inspect/dump.h"
#include "inspect/table.h"

namespace fairway::inspect {

// ENDPOINT, STATUS, OUTLIER CHECK, CLUSTER: of Envoy's live view (clusterStatuses) where the dump has it, which alone knows
// of outliers; else of the ClusterLoadAssignments.
Table endpointsTable(const Dump& dump, const Filter& filter);
// An array of envoy.admin.v3.ClusterStatus or, without the live view, of envoy.config.endpoint.v3.ClusterLoadAssignment;
// each with the endpoints that match only, and none without any.
nlohmann::json endpointsJson(const Dump& dump, const Filter& filter);

}  // namespace fairway::inspect
