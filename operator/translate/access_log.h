#pragma once

#include <vector>

#include "model/telemetry.h"

namespace envoy::config::accesslog::v3 {
class AccessLog;
}  // namespace envoy::config::accesslog::v3
namespace google::protobuf {
template <typename Element>
class RepeatedPtrField;
}

namespace fairway::translate {

using AccessLogs = google::protobuf::RepeatedPtrField<envoy::config::accesslog::v3::AccessLog>;

// Appends the logs of requests, in the order given; those that only connections are told to are left out. Clusters of backends
// must be among those of the proxy, and FluentdRelay listeners of those that are Fluentd.
void addHttpAccessLogs(AccessLogs& out, const std::vector<model::AccessLog>& logs);
// The same of connections.
void addTcpAccessLogs(AccessLogs& out, const std::vector<model::AccessLog>& logs);

}  // namespace fairway::translate
