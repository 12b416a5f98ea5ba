#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// Reads and checks the `spec` of a networking.istio.io Gateway.
void readSpec(const Value& spec, const ObjectMeta& meta, GatewaySpec& out);

}  // namespace fairway::api
