#pragma once

#include "inspect/dump.h"
#include "inspect/table.h"

namespace fairway::inspect {

// ADDRESSES, PORT, MATCH, DESTINATION: a row for each filter chain.
Table listenersTable(const Dump& dump, const Filter& filter);
// The envoy.config.listener.v3.Listener resources, as an array.
nlohmann::json listenersJson(const Dump& dump, const Filter& filter);

}  // namespace fairway::inspect
