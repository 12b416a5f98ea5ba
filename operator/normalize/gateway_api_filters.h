#pragma once

#include <string>
#include <vector>

#include "normalize/gateway_api_http.h"

// The filters of HTTPRoutes and GRPCRoutes as parts of a route.
namespace fairway::normalize {

struct FilterPlace {
  store::View& view;
  const api::Object& object;
  std::string rule;  // "rules[0]"
  const RulePlace& place;
};

// Which filters of a rule cannot be done, if any: UnsupportedValue, or IncompatibleFilters.
Fault unsupportedFilter(const std::vector<api::gateway_api::Filter>& filters);

// Of those that unsupportedFilter() has nothing against.
void addFilter(const FilterPlace& at, const api::gateway_api::Filter& filter, model::HttpRoute& to);

// True if it changes headers, which is all that can be done for one backend.
bool addHeaders(const api::gateway_api::Filter& filter, model::HeaderOps& to);

}  // namespace fairway::normalize
