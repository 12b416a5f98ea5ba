#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// What the agent learns about its pod from the downward API and the environment.
namespace fairway::agent {

// Lines `key="value"` with the escapes of Go's %q, as the downward API writes labels and annotations.
Result<std::map<std::string, std::string>> parseDownward(std::string_view text);

// Those annotations that concern the mesh ("istio.io/..." and its subdomains), without the injector's own record of
// what it did. Values above 4 KB and all beyond 64 are left out: they travel in each proxy's node.
std::map<std::string, std::string> meshAnnotations(const std::map<std::string, std::string>& annotations);

// Metadata of the node from entries NAME=value of an environment: ISTIO_META_<KEY> gives <KEY>. Empty values and the
// keys that the agent itself sets (NAME, NAMESPACE, SERVICE_ACCOUNT, LABELS, ...) are left out. Fails on more than 64,
// and on values above 4 KB.
Result<std::map<std::string, std::string>> metadataFrom(const std::vector<std::string>& environment);

}  // namespace fairway::agent
