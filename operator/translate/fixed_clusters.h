#pragma once

#include <string>
#include <string_view>

#include "translate/resource.h"

// Clusters that do not come from the registry.
namespace fairway::translate {

// No endpoint, ever: connections are closed.
ResourcePtr blackHoleCluster();

// To the address the connection was made to. `appSide`: from this proxy to its own app, by a source address
// that the interception rules let through (127.0.0.6), so that the connection does not come back here.
ResourcePtr originalDestinationCluster(std::string_view name, bool appSide);

}  // namespace fairway::translate
