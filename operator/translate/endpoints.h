#pragma once

#include <vector>

#include "model/service.h"

namespace envoy::config::endpoint::v3 {
class ClusterLoadAssignment;
}

namespace fairway::translate {

bool selects(const model::Labels& selector, const model::Labels& labels);

// Appends the endpoints, grouped by locality.
void addLocalities(envoy::config::endpoint::v3::ClusterLoadAssignment& out,
                   const std::vector<const model::Endpoint*>& endpoints);

}  // namespace fairway::translate
