#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "normalize/route_context.h"

// The tls and tcp rules of VirtualServices.
namespace fairway::normalize {

// Narrows a server name of a tls match ("*" where a rule has none) to those served here; nothing if none is.
using NarrowSni = std::function<std::vector<std::string>(const BoundService&, const std::string& sni)>;

// Oldest VirtualService first; what comes after a rule that takes every connection is left out, with a note. A rule
// with errors takes its connections, or where its matches cannot be read all that no earlier rule took, and its only
// destination is `missing`: the connection is closed.
std::vector<model::L4Route> tlsRoutes(const RouteContext& context, const std::vector<BoundService>& services,
                                      const NarrowSni& narrow);
std::vector<model::L4Route> tcpRoutes(const RouteContext& context, const std::vector<BoundService>& services);

}  // namespace fairway::normalize
