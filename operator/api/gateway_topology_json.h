#pragma once

#include "api/decoder.h"
#include "base/gateway_topology.h"

namespace fairway::api {

// Istio's `gatewayTopology`: of a pod's annotation, and of the mesh's defaultConfig.
GatewayTopology readGatewayTopology(const Value& value);

}  // namespace fairway::api
