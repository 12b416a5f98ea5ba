#pragma once

#include <optional>

#include "api/decoder.h"
#include "api/networking.h"

// The parts of an HTTP route that answer in place of the destination.
namespace fairway::api {

// `fault: {delay, abort}` with `percentage: {value}` or the older whole number `percent`; neither given
// means that nothing is delayed or aborted.
void readFault(const Value& value, HttpRoute::Fault& out);
void readDirectResponse(const Value& value, HttpRoute::DirectResponse& out);
// `{value: 12.5}`: 0 - 100, 0 when unset.
std::optional<double> readPercentage(const Value& value);

}  // namespace fairway::api
