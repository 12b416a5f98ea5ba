#include "api/owner.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace fairway::api {
namespace {

// Without what a controller appends: "msb-eag-7d9c" with hash "7d9c" is "msb-eag".
std::string withoutSuffix(const std::string& name, const std::string& suffix) {
  const auto whole = "-" + suffix;
  if (suffix.empty() || name.size() <= whole.size() || !name.ends_with(whole)) return name;
  return name.substr(0, name.size() - whole.size());
}

// A CronJob appends the minute of its schedule (formerly the second) to its Jobs' names.
std::string cronJobOf(const std::string& job) {
  const auto dash = job.rfind('-');
  if (dash == std::string::npos || dash == 0) return {};
  const auto digits = std::string_view(job).substr(dash + 1);
  const bool time = digits.size() >= 8 && digits.size() <= 10 && std::all_of(digits.begin(), digits.end(), [](char c) {
                      return std::isdigit(static_cast<unsigned char>(c)) != 0;
                    });
  return time ? job.substr(0, dash) : std::string{};
}

}  // namespace

Owner workloadBehind(Owner controller, const Labels& labels) {
  const auto label = [&](const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string{} : found->second;
  };
  if (controller.kind == "ReplicaSet") {
    const auto deployment = withoutSuffix(controller.name, label("pod-template-hash"));
    if (deployment != controller.name) return {"apps/v1", "Deployment", deployment};
  } else if (controller.kind == "ReplicationController") {
    const auto config = label("deploymentconfig");
    if (!config.empty()) return {"apps.openshift.io/v1", "DeploymentConfig", config};
  } else if (controller.kind == "Job") {
    const auto cronJob = cronJobOf(controller.name);
    if (!cronJob.empty()) return {"batch/v1", "CronJob", cronJob};
  }
  return controller;
}

}  // namespace fairway::api
