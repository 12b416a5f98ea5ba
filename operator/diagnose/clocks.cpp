#include <cstdlib>

#include "diagnose/support.h"

namespace fairway::diagnose {

using nlohmann::json;
using std::chrono::seconds;

namespace {

// Certificates begin two minutes in the past: more than half of that is too near to the edge.
constexpr seconds kTolerated{60};
// A kubelet renews its node's lease every 10 s and is given up after 40 s.
constexpr seconds kLeaseAge{40};

std::string apart(seconds difference) {
  return std::to_string(std::abs(difference.count())) + " s " + (difference.count() > 0 ? "ahead" : "behind");
}

}  // namespace

// The time of the API server comes from an object that it only pretends to create.
void checkClocks(Cluster& cluster, const Options& options, Findings& out) {
  const json probe{{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", {{"generateName", "fairway-clock-"}}}};
  const auto answer = cluster.create("/api/v1/namespaces/default/configmaps?dryRun=All", probe);
  if (!answer) {
    out.push_back({"FW0007", Severity::info, "", "the API server's clock cannot be compared: " + answer.error().message,
                   "run the check as a user who may create ConfigMaps in namespace default (none is created)"});
    return;
  }
  const auto server = parseTime(textAt(*answer, "/metadata/creationTimestamp"));
  if (!server) return;
  const auto difference = std::chrono::duration_cast<seconds>(options.now - *server);
  if (difference > kTolerated || difference < -kTolerated) {
    out.push_back({"FW0007", Severity::warning, "",
                   "this machine's clock is " + apart(difference) + " of the API server's",
                   "timedatectl set-ntp true"});
  }
  const auto leases =
      listOr(cluster, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases", "leases of nodes", out);
  for (const auto& lease : leases) {
    const auto renewed = parseTime(textAt(lease, "/spec/renewTime"));
    if (!renewed) continue;
    const auto ahead = std::chrono::duration_cast<seconds>(*renewed - *server);
    if (ahead > kTolerated) {
      out.push_back(
          {"FW0008", Severity::warning, objectName("Node", "", nameOf(lease)),
           "its clock is " + apart(ahead) + " of the API server's: from two minutes on certificates do not hold there",
           "timedatectl set-ntp true   (on the node)"});
    } else if (-ahead > kLeaseAge + kTolerated) {
      out.push_back({"FW0008", Severity::warning, objectName("Node", "", nameOf(lease)),
                     "its kubelet last reported " + std::to_string(-ahead.count()) +
                         " s ago by its own clock: it is down, or its clock is behind",
                     "kubectl describe node " + nameOf(lease)});
    }
  }
}

}  // namespace fairway::diagnose
