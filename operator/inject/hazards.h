#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "inject/options.h"

namespace fairway::inject {

// What in a pod works against its sidecar, in words with what to do. Requires checkPod().
std::vector<std::string> hazards(const nlohmann::json& pod, const PodOptions& options);

}  // namespace fairway::inject
