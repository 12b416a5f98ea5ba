#pragma once

#include <functional>
#include <string>

#include "console/http_server.h"
#include "discovery/server.h"

namespace fairway::cli {

// xDS as JSON over HTTP, to be looked at: what Envoy's REST API would answer. `path` is "/v3/discovery:clusters" (or
// :endpoints, :listeners, :routes, :secrets), `body` a DiscoveryRequest in JSON whose node.id is that of a connected proxy,
// and whose resource_names, if there are any, say which resources. The answer is a DiscoveryResponse with everything
// that proxy is to have; virtual hosts are in their route configurations, and private keys are "[redacted]".
// 400: the body is not that. 404: no such path, or the proxy is not connected. 503: nothing is built for it yet.
console::Response restDiscovery(const discovery::Server& discovery, const std::string& path, const std::string& body);

}  // namespace fairway::cli
