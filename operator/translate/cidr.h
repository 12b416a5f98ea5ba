#pragma once

#include <string>
#include <vector>

namespace envoy::config::listener::v3 {
class FilterChainMatch;
}

namespace fairway::translate {

// Keeps a chain to the addresses of `ranges`: without ranges of its own it has all of these, else what both have. False if
// nothing is left. Of two ranges one holds the other, or they have nothing in common.
bool narrowTo(envoy::config::listener::v3::FilterChainMatch& match, const std::vector<std::string>& ranges);

}  // namespace fairway::translate
