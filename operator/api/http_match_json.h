#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// One element of `http[].match`.
void readHttpMatch(const Value& value, HttpMatchRequest& out);

}  // namespace fairway::api
