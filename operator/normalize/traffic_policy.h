#pragma once

#include <optional>

#include "api/networking.h"
#include "normalize/queries.h"

// DestinationRules: which one applies to whom, and what it says for one port.
namespace fairway::normalize {

// Nothing if it is switched off.
std::optional<model::TrafficPolicy::LocalityPolicy> convertLocality(const api::LocalitySettings& from);
model::TrafficPolicy::ConnectionPool convertPool(const api::TrafficPolicySpec::ConnectionPool& from);

TrafficPolicyOf::Value trafficPolicyOf(store::View& view, const TrafficPolicyOf& query);

}  // namespace fairway::normalize
