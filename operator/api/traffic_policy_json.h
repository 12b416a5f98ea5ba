#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `trafficPolicy` of a DestinationRule or subset, with portLevelSettings.
void readTrafficPolicy(const Value& value, DestinationRuleSpec::Policy& out);

}  // namespace fairway::api
