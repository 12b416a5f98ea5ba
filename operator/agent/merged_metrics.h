#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// One page of metrics for a pod: Envoy's, the agent's and the app's.
namespace fairway::agent {

// Where the app's own metrics are.
struct AppMetrics {
  std::uint16_t port = 80;
  std::string path = "/metrics";
  bool operator==(const AppMetrics&) const = default;
};

// The JSON of ISTIO_PROMETHEUS_ANNOTATIONS, which holds the values of the pod's annotations prometheus.io/scrape, port
// and path: {"scrape": "true", "port": "9090", "path": "/metrics"}. Nothing if the text is empty or scrape is "false".
// `agentPort` is refused: the page would contain itself.
Result<std::optional<AppMetrics>> parseAppMetrics(const std::string& text, std::uint16_t agentPort);

// The app's page. OpenMetrics' end mark goes: something else may follow.
void appendAppMetrics(std::string& page, std::string_view metrics);

// Where the parts come from. They are asked for with the time they have, at the same time; one that fails is counted
// and left out.
struct MetricSources {
  using Source = std::function<Result<std::string>(std::chrono::milliseconds timeout)>;
  Source envoy;
  // Puts Envoy's page, which is empty if there is none, behind `page`.
  std::function<void(std::string& page, std::string_view envoy)> appendEnvoy;
  Source app;                          // may be empty
  std::function<std::string()> agent;  // asked last: it counts the failures of the others
  std::function<void(const char* part, const std::string& why)> failed;
};
std::string mergedMetrics(const MetricSources& sources, std::chrono::milliseconds timeout);

// Prometheus' header X-Prometheus-Scrape-Timeout-Seconds, less a little for the way back; 10 s if there is none or it
// is no number of seconds up to 600.
std::chrono::milliseconds scrapeTimeout(const std::string& header);

}  // namespace fairway::agent
