#pragma once

#include "normalize/queries.h"

// VirtualServices bound to Gateways, and rules of Ingress objects, as virtual hosts and L4 routes of a gateway's listener.
namespace fairway::normalize {

GatewayRoutes::Value gatewayRoutes(store::View& view, const GatewayRoutes& query);

}  // namespace fairway::normalize
