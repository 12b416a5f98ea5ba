#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace fairway::agent {

struct AgentOptions;

// Which of its own statistics Envoy keeps, and how (envoy.config.metrics.v3.StatsConfig as JSON): those of the server, of its
// listeners and clusters as a whole, of the way to the control plane, verdicts of policies, what is over a limit, and what
// draining looks at; besides these what the options ask for. All others, some hundreds for each cluster, are never made.
nlohmann::json statsConfig(const AgentOptions& options);

// The options' lists: at most 64 names of at most 256 characters each; regexes that RE2 takes.
Result<void> checkStats(const AgentOptions& options);

}  // namespace fairway::agent
