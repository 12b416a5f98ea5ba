#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// Reads and checks the `spec` of a networking.istio.io DestinationRule.
void readSpec(const Value& spec, const ObjectMeta& meta, DestinationRuleSpec& out);

}  // namespace fairway::api
