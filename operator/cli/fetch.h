#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "diagnose/cluster.h"
#include "kube/port_forward.h"

namespace fairway::cli {

// A request for a path of one admin port, by one method: the body of an answer with status 200. Blocks.
using Fetch = std::function<Result<std::string>(const std::string& path)>;

// The admin port at "host:port"; without a host, or with localhost, this machine's. Failure: not such an address.
Result<Fetch> fetchFromAddress(const std::string& address, const std::string& method = "GET");
// The port on the loopback of a pod, by the API server's port-forward.
Fetch fetchFromPod(const kube::ClusterAccess& access, kube::PodPort target, const std::string& method = "GET");

// Names of the running pods of control planes in the root namespace; of one revision unless that is empty. Failure: they may
// not be listed, or there is none.
Result<std::vector<std::string>> controlPlanePods(diagnose::Cluster& cluster, const std::string& rootNamespace,
                                                  const std::string& revision);

}  // namespace fairway::cli
