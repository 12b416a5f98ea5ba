#pragma once

#include "api/decoder.h"
#include "api/rate_limit.h"

namespace fairway::api {

// Reads and checks the `spec` of a networking.fairway.io RateLimit. What is wrong about a rule is an error below that rule: the
// others stand.
void readSpec(const Value& spec, const ObjectMeta& meta, RateLimitSpec& out);

}  // namespace fairway::api
