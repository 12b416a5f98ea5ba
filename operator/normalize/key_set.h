#pragma once

#include <string>

namespace fairway::normalize {

// The keys of a JSON web key set that Envoy can verify tokens with, as a set of their own; empty if there are none. Envoy
// refuses a whole listener for a key that it cannot read, or for a set without keys.
std::string usableKeys(const std::string& jwks);

}  // namespace fairway::normalize
