#pragma once

#include "normalize/queries.h"

// How many requests workloads take, of RateLimit objects.
namespace fairway::normalize {

// What cannot be read does not count: a rule with a mistake is left out, and the whole object if the mistake is anywhere else.
RateLimitsOf::Value rateLimitsOf(store::View& view, const RateLimitsOf& query);
ServiceRateLimits::Value serviceRateLimits(store::View& view, const ServiceRateLimits& query);

}  // namespace fairway::normalize
