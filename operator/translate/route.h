#pragma once

#include <string>
#include <vector>

#include "model/service.h"
#include "model/traffic.h"
#include "store/view.h"

namespace envoy::config::route::v3 {
class Route;
class RouteConfiguration;
class VirtualHost;
}  // namespace envoy::config::route::v3

namespace fairway::translate {

// Sets Envoy's routes of a virtual host, for each canonical route one for each of its matches. Retries that several have are
// said once, at the host. `client` decides which traffic policies give the hash policies. What cannot be translated is told
// to the route's author.
void addRoutes(store::View& view, envoy::config::route::v3::VirtualHost& out, const model::Client& client,
               const std::vector<model::HttpRoute>& routes);

// What a host gets that no user object speaks of, as a serialized Route: everything to itself, with the mesh's retries.
std::string routeToItself(store::View& view, const model::Client& client, const std::string& host, std::uint32_t port);

// The provenance of all routes.
std::vector<model::Provenance> provenanceOf(const std::vector<model::HttpRoute>& routes);

// Sets the parts that all route configurations share.
void initRouteConfiguration(envoy::config::route::v3::RouteConfiguration& out, const std::string& name);

// Appends a match to `out`; false if it can never be one (a note says why).
bool setRouteMatch(store::View& view, envoy::config::route::v3::Route& out, const model::HttpMatch& match,
                   const model::Provenance& provenance);

// Header values are Envoy format strings. A value with an unknown or unfinished command would make Envoy
// refuse the whole table, so its percent signs become literal.
std::string formatString(const std::string& value);

}  // namespace fairway::translate
