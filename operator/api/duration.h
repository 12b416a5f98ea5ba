#pragma once

#include <string_view>

#include "api/networking.h"
#include "base/result.h"

namespace fairway::api {

// "1.5s", "100ms", "1h30m", "0": Go's duration syntax, which protobuf's JSON form ("3.5s") is a part of.
// Units: ns, us, ms, s, m, h. Negative durations and those over 292 years are errors.
Result<Duration> parseDuration(std::string_view text);

}  // namespace fairway::api
