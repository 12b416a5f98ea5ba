#include "agent/merged_metrics.h"

#include <cmath>
#include <cstdlib>
#include <future>

#include <nlohmann/json.hpp>

#include "agent/samples.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kDefaultTimeout{10'000};
constexpr double kMaxTimeoutSeconds = 600;
constexpr double kShare = 0.9;  // of Prometheus' timeout

// A field of annotations: a string, absent or null counts as empty.
Result<std::string> textOf(const json& object, const char* field) {
  const auto found = object.find(field);
  if (found == object.end() || found->is_null()) return std::string();
  if (!found->is_string()) return failure(std::string(field) + ": expected a string");
  return found->get<std::string>();
}

}  // namespace

Result<std::optional<AppMetrics>> parseAppMetrics(const std::string& text, std::uint16_t agentPort) {
  if (trim(text).empty()) return std::nullopt;
  const auto parsed = json::parse(text, nullptr, false);
  if (!parsed.is_object()) return failure(R"(expected JSON such as {"scrape":"true","port":"9090","path":"/metrics"})");
  const auto scrape = textOf(parsed, "scrape"), port = textOf(parsed, "port"), path = textOf(parsed, "path");
  for (const auto* field : {&scrape, &port, &path}) {
    if (!*field) return tl::unexpected(field->error());
  }
  if (*scrape == "false") return std::nullopt;
  AppMetrics result;
  if (!port->empty()) {
    const auto number = toNumber(*port);
    if (!number || *number == 0 || *number > 65535) {
      return failure("port: \"" + *port + "\": expected a port, 1 to 65535");
    }
    result.port = static_cast<std::uint16_t>(*number);
  }
  if (result.port == agentPort) {
    return failure("port: " + *port +
                   " is the agent's own: set the annotation prometheus.io/port to the app's port, or the annotation "
                   "prometheus.istio.io/merge-metrics to \"false\"");
  }
  if (!path->empty()) result.path = path->starts_with('/') ? *path : "/" + *path;
  if (result.path.find_first_of(" \r\n") != std::string::npos) return failure("path: must not hold blanks");
  return result;
}

void appendAppMetrics(std::string& page, std::string_view metrics) {
  eachLine(metrics, [&](std::string_view line) {
    if (trim(line) == "# EOF") return;
    page += line;
    page += '\n';
  });
}

std::string mergedMetrics(const MetricSources& sources, std::chrono::milliseconds timeout) {
  std::future<Result<std::string>> app;
  if (sources.app) app = std::async(std::launch::async, [&] { return sources.app(timeout); });
  const auto envoy = sources.envoy(timeout);
  const auto ofApp = sources.app ? app.get() : Result<std::string>();
  if (!envoy) sources.failed("envoy", envoy.error().message);
  if (!ofApp) sources.failed("application", ofApp.error().message);
  std::string page = sources.agent();
  sources.appendEnvoy(page, envoy ? std::string_view(*envoy) : std::string_view());
  if (ofApp) appendAppMetrics(page, *ofApp);
  return page;
}

std::chrono::milliseconds scrapeTimeout(const std::string& header) {
  char* end = nullptr;
  const double seconds = std::strtod(header.c_str(), &end);
  if (header.empty() || *end != '\0' || !std::isfinite(seconds) || seconds <= 0 || seconds > kMaxTimeoutSeconds) {
    return kDefaultTimeout;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000 * kShare));
}

}  // namespace fairway::agent
