#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "inject/options.h"
#include "inject/pod.h"
#include "inject/settings.h"

// The built-in templates: what is merged over a pod.
namespace fairway::inject {

// What a template has to know of the pod it is for.
struct PodFacts {
  std::string ns;
  Workload workload;
  api::Labels labels;
  std::vector<std::string> appContainers;
  std::uint32_t proxyUser = 1337, proxyGroup = 1337;
  std::chrono::seconds gracePeriod{30};
  bool lowPorts = false;  // an unprivileged process of the pod may bind ports below 1024
};

// Containers istio-init and istio-proxy, volumes, labels. `options.native`: istio-proxy is among the init containers,
// with restartPolicy Always.
nlohmann::json sidecarPart(const Settings& settings, const PodOptions& options, const PodFacts& facts);
// Container istio-proxy as a gateway, volumes, labels.
nlohmann::json gatewayPart(const Settings& settings, const PodOptions& options, const PodFacts& facts);

}  // namespace fairway::inject
