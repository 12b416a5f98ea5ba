#pragma once

#include <string>
#include <vector>

#include "model/service.h"

namespace fairway::translate {

bool selects(const model::Labels& selector, const model::Labels& labels);

// A serialized ClusterLoadAssignment with the endpoints grouped by locality.
std::string loadAssignment(const std::string& cluster, const std::vector<const model::Endpoint*>& endpoints);

}  // namespace fairway::translate
