#pragma once

#include <cstddef>

#include "api/object.h"

namespace fairway::api {

// Bytes that an object takes: itself and what its texts, lists and maps have on the heap, as glibc hands it out.
std::size_t footprint(const Object& object);

}  // namespace fairway::api
