#pragma once

#include "api/decoder.h"

namespace fairway::api {

// Reads `metadata`. Without a namespace an object of a namespaced kind is in "default", as kubectl has it.
// False, with an error, if the name or namespace cannot be used.
bool readMeta(const Value& metadata, bool namespaced, ObjectMeta& out);

}  // namespace fairway::api
