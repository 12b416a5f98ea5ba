#pragma once

#include "base/result.h"

namespace envoy::config::core::v3 {
class Node;
}
namespace envoy::type::matcher::v3 {
class NodeMatcher;
}

namespace fairway::discovery {

// Whether the matcher can be evaluated here. Failure: a regex that is not valid RE2, or a kind of matcher that is not
// supported (metadata is matched as texts, booleans and presence).
Result<void> checkMatcher(const envoy::type::matcher::v3::NodeMatcher& matcher);

// Requires a matcher that checkMatcher() accepted: its node_id and all of its node_metadatas match.
bool matches(const envoy::type::matcher::v3::NodeMatcher& matcher, const envoy::config::core::v3::Node& node);

}  // namespace fairway::discovery
