#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "inject/proxy_config.h"
#include "inject/settings.h"

namespace fairway::inject {

// How one pod is injected: the settings, what ProxyConfigs change of them, and what its annotations do.
// From weak to strong: the settings, ProxyConfigs for all pods, the annotation proxy.istio.io/config, the ProxyConfig whose
// selector matches, single annotations.
struct PodOptions {
  std::vector<std::string> templates;
  bool native = true;
  std::string image;      // a whole reference
  std::string imageType;  // appended to the tag where the settings give it: "distroless"
  nlohmann::json resources;
  bool ownResources = false;  // the annotations give them
  std::string logLevel, agentLogLevel;
  unsigned concurrency = 2;
  std::string statsdAddress;  // host:port; empty: none
  std::chrono::seconds drain{25}, minimumDrain{5};
  bool holdApplication = true;
  std::map<std::string, std::string> env;  // further variables of the proxy
  Traffic traffic;
  bool rewriteProbes = true;
  bool mergePrometheus = true;
  nlohmann::json volumes = nlohmann::json::array();       // further ones of the pod
  nlohmann::json volumeMounts = nlohmann::json::array();  // further ones of the proxy
  std::vector<std::string> warnings;
};

// Reads a pod's annotations. `nativeSupported`: the API server knows native sidecars. The error names every annotation
// at fault with what was found and what is expected; annotations of the mesh that have no effect are warnings.
Result<PodOptions> readOptions(const api::Labels& annotations, const Settings& settings, bool nativeSupported,
                               const ProxySettings& proxy = {});

}  // namespace fairway::inject
