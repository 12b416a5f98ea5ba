#pragma once

#include <string>
#include <vector>

#include "model/service.h"
#include "translate/nearness.h"

namespace fairway::translate {

bool selects(const model::Labels& selector, const model::Labels& labels);

// A serialized ClusterLoadAssignment with the endpoints grouped by locality; with `nearness` also by how near they are.
std::string loadAssignment(const std::string& cluster, const std::vector<const model::Endpoint*>& endpoints,
                           const Nearness* nearness = nullptr);

}  // namespace fairway::translate
