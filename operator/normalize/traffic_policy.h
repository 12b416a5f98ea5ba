#pragma once

#include "normalize/queries.h"

// DestinationRules: which one applies to whom, and what it says for one port.
namespace fairway::normalize {

TrafficPolicyOf::Value trafficPolicyOf(store::View& view, const TrafficPolicyOf& query);

}  // namespace fairway::normalize
