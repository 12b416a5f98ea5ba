#pragma once

#include "api/decoder.h"
#include "api/networking.h"

namespace fairway::api {

// `headers: {request: {set, add, remove}, response: {...}}`, and the fields that held the same up to
// Istio 1.4: appendHeaders, append{Request,Response}Headers, remove{Request,Response}Headers
// (v1alpha1.md 4.1). `owner` is the route or weighted destination that has these fields.
void readHeaderOperations(Fields& owner, HeaderOperations& out);

}  // namespace fairway::api
