#pragma once

#include <map>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"

namespace CLI {
class App;
}

namespace fairway::cli {

struct WorkloadGroupWish {
  std::string name, ns, labels, annotations, ports, serviceAccount = "default";  // the three in the middle: "a=b,c=d"
};

// A WorkloadGroup, ready to be applied. Failure: a pair that is none, or a port that is none.
Result<nlohmann::ordered_json> workloadGroup(const WorkloadGroupWish& wish);

// What differs from machine to machine and from cluster to cluster.
struct MachineWish {
  std::string discoveryAddress = "istiod.istio-system.svc:15012";
  std::string address;  // of the machine; empty: its agent finds out
  std::string clusterId = "Kubernetes", trustDomain = "cluster.local", domain = "cluster.local";
};

// The environment of `fairway agent` on a machine of this group, one NAME='value' a line, as systemd and shells read it. Failure: it is
// no WorkloadGroup, has errors, or a value cannot be quoted.
Result<std::string> machineEnvironment(const nlohmann::json& group, const MachineWish& wish);

// `fairway workload group create` and `fairway workload entry configure`, as istioctl's `x workload`.
void addWorkload(CLI::App& app, int& exitCode);

}  // namespace fairway::cli
