#pragma once

#include <string>

#include "inspect/dump.h"
#include "inspect/table.h"

namespace fairway::inspect {

// NAME, VHOST NAME, DOMAINS, MATCH, VIRTUAL SERVICE: a row for each route, in the order in which Envoy tries them.
Table routesTable(const Dump& dump, const Filter& filter);
// The envoy.config.route.v3.RouteConfiguration resources as an array, each with its virtual hosts, however they came.
nlohmann::json routesJson(const Dump& dump, const Filter& filter);

// "/api*", "/api", "regex /a.*" of an envoy.config.route.v3.RouteMatch's path.
std::string pathText(const nlohmann::json& match);

}  // namespace fairway::inspect
