#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/service.h"
#include "translate/nearness.h"

namespace fairway::translate {

bool selects(const model::Labels& selector, const model::Labels& labels);

// Whose pod an endpoint is, as workloadText(); empty: nothing is said.
using WorkloadOfEndpoint = std::function<std::string(const model::Endpoint& endpoint)>;

// A serialized ClusterLoadAssignment with the endpoints grouped by locality; with `nearness` also by how near they are.
std::string loadAssignment(const std::string& cluster, const std::vector<const model::Endpoint*>& endpoints,
                           const Nearness* nearness = nullptr, const WorkloadOfEndpoint& workload = {});

}  // namespace fairway::translate
