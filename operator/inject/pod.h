#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/meta.h"
#include "base/result.h"

// Reading pods as JSON. Everything but checkPod() requires a pod that checkPod() took.
namespace fairway::inject {

// A member that is there and not null; null otherwise.
const nlohmann::json* member(const nlohmann::json& object, std::string_view key);
nlohmann::json* member(nlohmann::json& object, std::string_view key);
std::string textAt(const nlohmann::json& object, std::string_view key);  // empty if it is no text
// The list at `key`; made if it is absent.
nlohmann::json& listAt(nlohmann::json& object, const std::string& key);
// The element of a list of mappings with this name; null if there is none.
nlohmann::json* named(nlohmann::json* list, std::string_view name);
const nlohmann::json* named(const nlohmann::json* list, std::string_view name);

// Checks the shapes that injection relies on: texts in labels and annotations, lists of named mappings in spec. Nulls
// count as absent. The error names the field, what was found and what is expected.
Result<void> checkPod(const nlohmann::json& pod);

api::Labels labelsOf(const nlohmann::json& pod);
api::Labels annotationsOf(const nlohmann::json& pod);

// The workload that a pod belongs to.
struct Workload {
  std::string apiVersion, kind, name;
};
// As far as the pod's owner tells: a Deployment behind a ReplicaSet, a CronJob behind a Job, a DeploymentConfig behind
// a ReplicationController; without an owner the pod itself, by its name or generateName.
Workload workloadOf(const nlohmann::json& pod);

// "pod onap/msb-eag": its name, or what its name will begin with ("msb-eag-7d9c*"); "pod template" if it has neither.
std::string podText(const nlohmann::json& pod, const std::string& ns);

// Puts `container` first, or after `position` others, taking it out of where it is.
void moveNamed(nlohmann::json& list, std::string_view name, std::size_t position);

}  // namespace fairway::inject
