#pragma once

#include <string>
#include <vector>

#include "normalize/route_context.h"

// The http rules of VirtualServices as routes.
namespace fairway::normalize {

// The routes of one host: all rules of the VirtualServices, oldest VirtualService first, then namespace and name.
// Within one, the order as written; across several, rules with matches come before catch-alls, so that a catch-all of
// an older object does not hide the matches of a younger one. What a catch-all hides is left out, with a note.
//
// A rule that has errors is replaced by a direct response 500 on the same matches: its requests must not fall to a
// later rule or to the default, which were not meant for them. Where the matches themselves cannot be read, the
// 500 answers all that no earlier rule of the object took.
//
// In place of a rule with a delegate are the rules of that VirtualService (delegates.h); a delegate that is missing is a
// direct response 503 on the same matches.
std::vector<model::HttpRoute> httpRoutes(const RouteContext& context, const std::vector<BoundService>& services);

}  // namespace fairway::normalize
