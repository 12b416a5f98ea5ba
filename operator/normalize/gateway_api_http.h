#pragma once

#include <string>
#include <vector>

#include "api/gateway_api.h"
#include "model/traffic.h"
#include "normalize/gateway_api_refs.h"
#include "store/view.h"

// The rules of HTTPRoutes and GRPCRoutes as routes.
namespace fairway::normalize {

// Where the requests come in.
struct RulePlace {
  std::string clientNs;    // of the proxy
  std::uint32_t port = 0;  // of the listener, or of the Service
  bool tls = false;        // that the listener takes off
};

// One match of one rule, and what decides which comes first (gateway-api v1, HTTPRouteRule.matches). Of two that are
// equal in that, the older route's is first, then by namespace and name of the route, then the order as written.
struct RankedRoute {
  model::HttpRoute route;
  int pathType = 0;  // 3: exact, 2: prefix, 1: regular expression
  std::size_t pathLength = 0;
  bool method = false;
  std::size_t headers = 0, queryParams = 0;
};

// A rule with errors, or with a filter that is not supported, is a 500 on its matches: its requests must not get by
// without it. Where the rules or their matches cannot be read, everything is a 500.
std::vector<RankedRoute> rankedRoutes(store::View& view, const api::gateway_api::HttpRoute& route,
                                      const RulePlace& place);
std::vector<RankedRoute> rankedRoutes(store::View& view, const api::gateway_api::GrpcRoute& route,
                                      const RulePlace& place);

// In their order; `routes` are of older objects first.
std::vector<model::HttpRoute> inOrder(std::vector<RankedRoute> routes);

// What is wrong with the rules, for the route's status.
struct RuleFaults {
  Fault accepted;    // of the first rule that is not served; UnsupportedValue
  bool all = false;  // no rule is served
  Fault resolved;    // of the first backend that is not there
};
RuleFaults faultsOf(store::View& view, const api::gateway_api::HttpRoute& route);
RuleFaults faultsOf(store::View& view, const api::gateway_api::GrpcRoute& route);
RuleFaults faultsOf(store::View& view, const api::gateway_api::TlsRoute& route);
RuleFaults faultsOf(store::View& view, const api::gateway_api::TcpRoute& route);

}  // namespace fairway::normalize
