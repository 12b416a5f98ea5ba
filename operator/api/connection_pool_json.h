#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `connectionPool` of a DestinationRule or Sidecar.
void readConnectionPool(const Value& value, TrafficPolicySpec::ConnectionPool& out);

}  // namespace fairway::api
