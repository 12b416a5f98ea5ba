#pragma once

#include <optional>

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// {exact: ...}, {prefix: ...}, {suffix: ...} or {regex: ...}; regexes are checked with RE2. Only one may
// be given, and a field that is none of them is an error: left out, the condition would match more than
// was meant. `{}` and null are Type::present. Nothing, with an error, if it cannot be read.
// `suffixes`: whether this field takes suffix (only v1alpha1 policies do).
std::optional<StringMatch> readStringMatch(const Value& value, bool suffixes = false);

}  // namespace fairway::api
