#pragma once

#include "inspect/dump.h"
#include "inspect/table.h"

namespace fairway::inspect {

// SERVICE FQDN, PORT, SUBSET, DIRECTION, TYPE, DESTINATION RULE.
Table clustersTable(const Dump& dump, const Filter& filter);
// The envoy.config.cluster.v3.Cluster resources, as an array.
nlohmann::json clustersJson(const Dump& dump, const Filter& filter);

}  // namespace fairway::inspect
