#pragma once

#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "store/view.h"

namespace fairway::cli {

// What one proxy is to have, as JSON in protobuf's names.
struct ProxyWorld {
  std::vector<nlohmann::json> listeners, routes;
  std::vector<std::pair<std::string, nlohmann::json>> virtualHosts;  // name of the route configuration -> host
  std::vector<std::string> notes;  // what the control plane would say about the objects
};

struct ManifestQuestion {
  std::vector<std::string> paths;  // manifests and folders of them
  std::string workload;            // "deploy/x", "pod/x" or "x"; the kind in any of kubectl's forms
  std::string ns;                  // of the workload, and of objects that name none
  store::MeshConfig mesh;
};

// What the control plane would make of manifests for a workload in them, without a cluster. Failure: a file cannot be read, or
// the workload is not in them.
Result<ProxyWorld> worldOfManifests(const ManifestQuestion& question);

// "deploy/x" -> {"Deployment", "x"}; a name without kind, or with one that is no workload's: nothing as kind.
struct WorkloadName {
  std::string kind, name;
};
Result<WorkloadName> parseWorkload(const std::string& text);

}  // namespace fairway::cli
