#include "translate/resource.h"

#include <algorithm>

namespace fairway::translate {

std::string_view typeUrl(Type type) {
  switch (type) {
    case Type::cluster: return "type.googleapis.com/envoy.config.cluster.v3.Cluster";
    case Type::endpoint: return "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
    case Type::listener: return "type.googleapis.com/envoy.config.listener.v3.Listener";
    case Type::route: return "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
    case Type::virtual_host: return "type.googleapis.com/envoy.config.route.v3.VirtualHost";
    case Type::secret: return "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
    case Type::rate_limit: return "type.googleapis.com/ratelimit.config.ratelimit.v3.RateLimitConfig";
    case Type::bootstrap: return "type.googleapis.com/envoy.config.bootstrap.v3.Bootstrap";
  }
  return {};
}

std::string_view shortName(Type type) {
  switch (type) {
    case Type::cluster: return "CDS";
    case Type::endpoint: return "EDS";
    case Type::listener: return "LDS";
    case Type::route: return "RDS";
    case Type::virtual_host: return "VHDS";
    case Type::secret: return "SDS";
    case Type::rate_limit: return "RLS";
    case Type::bootstrap: return "BOOTSTRAP";
  }
  return {};
}

bool Output::operator==(const Output& other) const {
  return children == other.children &&
         std::equal(resources.begin(), resources.end(), other.resources.begin(), other.resources.end(),
                    [](const ResourcePtr& a, const ResourcePtr& b) { return a == b || *a == *b; });
}

}  // namespace fairway::translate
