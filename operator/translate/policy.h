#pragma once

#include "model/common.h"
#include "model/traffic.h"

namespace envoy::config::cluster::v3 {
class Cluster;
}

// What a TrafficPolicy means for a cluster, besides its TLS.
namespace fairway::translate {

// Load balancing; clusters whose endpoints Envoy does not know (ORIGINAL_DST) take no policy.
void applyLoadBalancing(envoy::config::cluster::v3::Cluster& cluster, const model::TrafficPolicy& policy);
void applyConnectionPool(envoy::config::cluster::v3::Cluster& cluster,
                         const model::TrafficPolicy::ConnectionPool& pool);
// After applyConnectionPool().
void applyRetryBudget(envoy::config::cluster::v3::Cluster& cluster, const model::TrafficPolicy& policy);
void applyOutlierDetection(envoy::config::cluster::v3::Cluster& cluster, const model::TrafficPolicy& policy);

// Limits that never bite: Envoy's own default of 1024 would.
void setNoLimits(envoy::config::cluster::v3::Cluster& cluster);

// HTTP/1.1 or HTTP/2 to the upstream, or what the client spoke.
enum class UpstreamHttp { http1, http2, as_downstream };
UpstreamHttp upstreamHttp(model::Protocol protocol, const model::TrafficPolicy::ConnectionPool& pool);
// `ownNames`: each connection's server name, and who may answer, is the host that the request asks for.
void applyHttpProtocol(envoy::config::cluster::v3::Cluster& cluster, UpstreamHttp http,
                       const model::TrafficPolicy& policy, bool ownNames = false);

}  // namespace fairway::translate
