#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `connectionPool` of a DestinationRule or Sidecar.
void readConnectionPool(const Value& value, TrafficPolicySpec::ConnectionPool& out);
// `tcpKeepalive`, there and of the mesh.
void readKeepalive(const Value& value, TrafficPolicySpec::ConnectionPool::Keepalive& out);

}  // namespace fairway::api
