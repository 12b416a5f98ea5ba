#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "inject/pod.h"
#include "inject/proxy_config.h"
#include "inject/selection.h"
#include "inject/settings.h"

namespace fairway::inject {

// Everything injection depends on besides the pod and the settings.
struct Context {
  Selection selection;
  bool nativeSupported = true;       // the API server is 1.29 or later
  std::optional<Workload> workload;  // whose pod it is, if known; else workloadOf()
  ProxyConfigs proxyConfigs{};
};

struct Outcome {
  bool injected = false;
  std::string reason;  // why, or why not
  nlohmann::json pod;  // with the proxy; as it was if it is not injected
  std::vector<std::string> warnings;
};

// Puts the proxy into a pod. Pure; injecting the result again changes nothing. The error names the pod, the annotation,
// field or template at fault, what was found and what is expected.
Result<Outcome> inject(const nlohmann::json& pod, const Settings& settings, const Context& context);

}  // namespace fairway::inject
