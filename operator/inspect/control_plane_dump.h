#pragma once

#include <nlohmann/json_fwd.hpp>

#include "inspect/dump.h"

namespace fairway::inspect {

// Of the control plane's page /debug/config_dump?proxy=ID: what it computed for one proxy, and of each resource whether the
// proxy has accepted it.
Dump controlPlaneDump(const nlohmann::json& page);

}  // namespace fairway::inspect
