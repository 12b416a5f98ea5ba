#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/networking.h"
#include "model/traffic.h"

// The request side of HTTP matches, without where the request comes in.
namespace fairway::normalize {

model::StringMatcher convertMatcher(const api::StringMatch& match, bool ignoreCase = false);
model::HttpMatch convertMatch(const api::HttpMatchRequest& match);

// True if it looks at nothing.
bool matchesEverything(const model::HttpMatch& match);
// True if no request gets past these matches (any of them; none at all matches everything).
bool isCatchAll(const std::vector<model::HttpMatch>& matches);

}  // namespace fairway::normalize
