#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/gateway_topology.h"
#include "model/rate_limit.h"
#include "model/security.h"
#include "model/telemetry.h"
#include "store/view.h"

namespace envoy::config::listener::v3 {
class FilterChain;
class Listener;
}  // namespace envoy::config::listener::v3
namespace envoy::config::route::v3 {
class RouteConfiguration;
}

// The HTTP connection manager, from the three places where it stands.
namespace fairway::translate {

enum class HttpSide {
  outbound,  // requests of the app
  inbound,   // requests to the app, from peers
  gateway,   // requests from outside
};

struct HttpManager {
  HttpSide side = HttpSide::outbound;
  std::string statPrefix;
  // Exactly one of: a name for RDS, or the routes themselves.
  std::string routeName;
  const envoy::config::route::v3::RouteConfiguration* routes = nullptr;
  // Some routes lead to names that are looked up when they are asked for (Service::Resolution::dynamic_dns).
  bool lookUp = false;
  const model::Telemetry::Side* telemetry = nullptr;  // never null
  std::string ns;                                     // of the proxy
  // Inbound and gateway:
  const model::RequestAuthentication* authentication = nullptr;
  const model::Authorization* authorization = nullptr;
  const std::vector<model::RateLimit>* rateLimits = nullptr;
  // The mesh terminated TLS: the peer's identity goes on to the app.
  bool mutualTls = false;
  GatewayTopology topology{};  // gateway
};

// Appends the connection manager with its HTTP filters to the chain.
void addHttpManager(store::View& view, envoy::config::listener::v3::FilterChain& chain, const HttpManager& manager);

}  // namespace fairway::translate
