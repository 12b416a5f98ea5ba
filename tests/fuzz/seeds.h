#pragma once

#include <string>
#include <vector>

#include "fuzz/target.h"

namespace fairway::fuzz {

// The inputs of a target that are in the checkout, in a fixed order: corpus/<name>/*, its seedFiles and its seeds().
// Throws where a pattern of seedFiles finds nothing.
std::vector<std::string> seedsOf(const Target& target);

}  // namespace fairway::fuzz
