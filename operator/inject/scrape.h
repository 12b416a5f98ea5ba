#pragma once

#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "inject/pod.h"

namespace fairway::inject {

struct Scrape {
  nlohmann::json own;  // the app's: {"scrape": "true", "path": ..., "port": ...}; null if it has no metrics
  std::optional<std::string> warning;
};

// Points Prometheus to the agent, which merges the app's metrics with Envoy's: sets prometheus.io/* of the pod. A pod
// that says prometheus.io/scrape: "false" keeps its word.
Scrape mergeScrape(nlohmann::json& pod);

}  // namespace fairway::inject
