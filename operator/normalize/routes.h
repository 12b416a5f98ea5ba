#pragma once

#include "normalize/queries.h"

// What VirtualServices say to sidecars.
namespace fairway::normalize {

RoutesOf::Value routesOf(store::View& view, const RoutesOf& query);

}  // namespace fairway::normalize
