#pragma once

#include "normalize/queries.h"

// Which servers of Gateway and Ingress objects apply to a gateway workload, and who wins where two want the same port or host.
namespace fairway::normalize {

GatewayOf::Value gatewayOf(store::View& view, const GatewayOf& query);

// Servers whose requests are routed by virtual hosts without a filter chain of their own.
bool isPlainHttp(const model::GatewayServer& server);
// TCP without TLS.
bool isPlainTcp(const model::GatewayServer& server);

}  // namespace fairway::normalize
