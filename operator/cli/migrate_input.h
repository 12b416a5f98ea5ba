#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "diagnose/cluster.h"
#include "migrate/migrate.h"

namespace fairway::cli {

// Adds what a file, a folder of manifests, or `-` (standard input) holds to the request. Objects without a namespace, of
// a kind that has them, are in `defaultNs`. `warnings` gets what is wrong with single objects; a file that cannot be
// read as a whole is a failure.
Result<void> readManifests(const std::string& path, const std::string& defaultNs, migrate::Request& request,
                           std::vector<std::string>& warnings);

// Adds the policies, Services, Pods and settings of a cluster.
Result<void> readCluster(diagnose::Cluster& cluster, migrate::Request& request, std::vector<std::string>& warnings);

}  // namespace fairway::cli
