#include "agent/envoy_command.h"

#include <algorithm>

namespace fairway::agent {
namespace {

// How long a listener that the control plane changed serves connections it has; Istio's drainDuration.
constexpr std::chrono::seconds kListenerDrainTime{45};

// The fields of the agent's own JSON, plus where it comes from; %j is the message, escaped.
constexpr const char* kJsonLog =
    R"({"time":"%Y-%m-%dT%T.%eZ","level":"%l","scope":"envoy %n","thread":%t,"message":"%j"})";

}  // namespace

std::vector<std::string> envoyCommand(const AgentOptions& options, const std::string& bootstrapFile,
                                      const std::string& adminAddressFile) {
  std::vector<std::string> command = {options.envoy, "--config-path", bootstrapFile, "--admin-address-path",
                                      adminAddressFile, "--disable-hot-restart", "--drain-strategy", "immediate",
                                      "--drain-time-s",
                                      std::to_string(std::max(kListenerDrainTime, options.drainTime).count()),
                                      // Access logs: as Istio's; by default Envoy keeps lines for ten seconds.
                                      "--file-flush-interval-msec", "1000", "--log-level", options.logLevel};
  const auto add = [&command](const char* flag, const std::string& value) {
    command.emplace_back(flag);
    command.push_back(value);
  };
  if (!options.componentLogLevel.empty()) add("--component-log-level", options.componentLogLevel);
  if (options.logFormat == "json") add("--log-format", kJsonLog);
  if (options.concurrency > 0) add("--concurrency", std::to_string(options.concurrency));
  return command;
}

}  // namespace fairway::agent
