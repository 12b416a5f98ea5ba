#pragma once

#include <nlohmann/json_fwd.hpp>

#include "inspect/dump.h"

namespace fairway::inspect {

// Of envoy.admin.v3.ConfigDump as JSON, which Envoy serves at /config_dump (with `?include_eds` endpoints are there,
// too). Parts that are missing or not known are left out.
Dump envoyDump(const nlohmann::json& page);

}  // namespace fairway::inspect
