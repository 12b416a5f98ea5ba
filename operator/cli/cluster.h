#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "diagnose/cluster.h"
#include "kube/kubeconfig.h"

namespace fairway::cli {

// The access that a kubeconfig file describes; of $KUBECONFIG, the pod's service account or ~/.kube/config if `path` is empty.
Result<kube::ClusterAccess> openAccess(const std::string& path);
// The cluster of a kubeconfig file; of $KUBECONFIG, the pod's service account or ~/.kube/config if `path` is empty.
// Reads the configuration only: whether the cluster answers shows with the first call.
Result<std::unique_ptr<diagnose::Cluster>> openCluster(const std::string& path);

}  // namespace fairway::cli
