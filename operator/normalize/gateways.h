#pragma once

#include "normalize/queries.h"

// Which servers of Gateway and Ingress objects apply to a gateway workload, and who wins where two want the same port or host.
namespace fairway::normalize {

GatewayOf::Value gatewayOf(store::View& view, const GatewayOf& query);

// Servers whose requests are routed by virtual hosts without a filter chain of their own.
bool isPlainHttp(const model::GatewayServer& server);
// Whether requests at a workload port can be looked at, by one of its filter chains at least. A gateway's servers say what a
// port speaks, whatever the service that leads to it calls its port; of other workloads the services do.
bool speaksHttp(store::View& view, const std::string& ns, const model::Labels& labels, std::uint32_t port);
// TCP without TLS.
bool isPlainTcp(const model::GatewayServer& server);

}  // namespace fairway::normalize
