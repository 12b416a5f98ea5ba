#pragma once

#include <cstdint>
#include <vector>

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `destination: {host, subset, port: {number}}` of a route or mirror.
void readDestination(const Value& value, Destination& out);
// `weight` of one of a route's destinations: 0 when unset.
void readWeight(Fields& fields, std::int32_t& out);
// A route with several destinations needs one with a weight above 0. `sum`: of all weights.
void checkWeights(const Value& route, std::size_t destinations, std::int64_t sum);
// A gateway that a VirtualService or match names: "mesh", "name", "ns/name", "./name", "name.ns.svc.domain".
void checkGatewayNames(const Value& names);

}  // namespace fairway::api
