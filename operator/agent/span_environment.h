#pragma once

#include <string>

#include "agent/config.h"

namespace fairway::agent {

// Variables of Envoy's process with what its spans say of the workload, as "NAME=value": the tags that the control plane's
// listeners take from there (translate/tracing.cpp), and OTEL_RESOURCE_ATTRIBUTES, in which what `attributes`, the
// agent's own variable of that name, says comes first.
std::vector<std::string> spanEnvironment(const AgentOptions& options, const std::string& attributes);

}  // namespace fairway::agent
