#pragma once

#include <string>
#include <vector>

#include "analyze/analyze.h"
#include "base/result.h"
#include "diagnose/cluster.h"

namespace fairway::cli {

// What `fairway analyze` looks at, as far as it has been read.
struct AnalyzeInput {
  analyze::Resources resources;
  analyze::Options
      options;        // what is read from a cluster is added: the settings of injection, kinds that may not be read
  Findings findings;  // files that are no YAML, documents that are no objects
  std::vector<std::string> warnings;  // one line each: what could not be looked at
};

// The objects of a cluster that checks look at. Fails if it cannot be reached; what may not be read is a warning.
Result<void> readCluster(diagnose::Cluster& cluster, AnalyzeInput& input);
// The objects of manifests, as if they were applied on top of what has been read. `path` is a file, a folder or "-".
// Objects without a namespace are in `defaultNs`. Fails if the path cannot be read.
Result<void> readManifests(const std::string& path, bool recursive, const std::string& defaultNs, AnalyzeInput& input);
// The mesh's settings from a file (Istio's MeshConfig) in place of those in the cluster.
Result<void> readMeshConfig(const std::string& file, AnalyzeInput& input);
// The secrets that Gateways name, from a cluster. Requires that all else has been read.
void readSecrets(diagnose::Cluster& cluster, AnalyzeInput& input);

}  // namespace fairway::cli
