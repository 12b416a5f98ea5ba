#pragma once

#include <vector>

#include "model/rate_limit.h"
#include "translate/rbac.h"

// Rate limits as Envoy's filters, one for each object, and as the rate limit service's configuration.
//
// A rule is a list of actions in its filter. Envoy makes a descriptor of what they say of a request, and none if one of them has
// nothing to say: ("rule", its name), ("match", "true") if the rule has conditions, and one entry for each of the user's
// descriptors. The limits, at the filter itself or in the service, are found by the same entries.
namespace fairway::translate {

// Appends the filters. They see what those before them found out: identity, claims.
void addRateLimits(HttpFilters& filters, const std::vector<model::RateLimit>& limits);

// Whether a rule counts by the path of a request.
bool looksAtPath(const std::vector<model::RateLimit>& limits);

// `text` as a literal of the Common Expression Language.
std::string celText(std::string_view text);

}  // namespace fairway::translate
