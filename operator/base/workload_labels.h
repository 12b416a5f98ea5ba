#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace fairway {

// Who a workload is in metrics and graphs, beside its namespace and service account: what the control plane knows of its pod.
// Empty texts are unknown.
struct WorkloadLabels {
  std::string workload;           // of what runs the pod: "reviews-v1"
  std::string app, version;       // of the pod's labels
  std::string canonicalService;   // see workloadLabels()
  std::string canonicalRevision;  // likewise
  std::string cluster;
  bool operator==(const WorkloadLabels&) const = default;
};

// The canonical service is the label service.istio.io/canonical-name, else app.kubernetes.io/name, else app, else the
// workload's name; the revision service.istio.io/canonical-revision, else app.kubernetes.io/version, else version, else
// "latest".
WorkloadLabels workloadLabels(const std::string& workload, const std::map<std::string, std::string>& labels,
                              const std::string& cluster);

// One text, in which these travel: in the metadata of endpoints, and in certificates (below). Parts between slashes:
// workload, app, version, canonical service, canonical revision, cluster. The canonical ones are left out where they are the
// defaults (the app, else the workload; the version, else "latest"), empty parts at the end too. A part that is longer than 253
// characters or holds other characters than letters, digits, '.', '-' and '_' is left out: none of Kubernetes' names is or
// does. At most 1524 characters.
std::string workloadText(const WorkloadLabels& labels);
// Nothing if it is no such text.
std::optional<WorkloadLabels> parseWorkloadText(std::string_view text);

// The attribute `description` of the subject of a workload's certificate: "workload/" and the text. It is what the CA says
// about the caller, never what a request for a certificate says.
std::string workloadDescription(const WorkloadLabels& labels);
// From a whole subject as RFC 2253 writes it: "description=workload/...". Nothing if it is any other.
std::optional<WorkloadLabels> workloadOfSubject(std::string_view subject);

}  // namespace fairway
