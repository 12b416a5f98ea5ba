#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/samples.h"
#include "base/workload_labels.h"

// Istio's standard labels, of what Envoy says of a request or connection (base/metric_tags.h) and what the agent knows of its
// own pod.
namespace fairway::agent {

struct AgentOptions;

// The proxy's own side.
struct OwnLabels {
  WorkloadLabels workload;
  std::string ns;
  std::string principal;  // its SPIFFE ID
};
OwnLabels ownLabels(const AgentOptions& options);

// Values of the tags, each empty where Envoy says nothing. The views are the caller's.
struct MeshTags {
  std::string_view side, peer, peerId, endpoint, cluster, service, responseCode, responseFlags, grpcStatus, without;
  std::vector<std::pair<std::string_view, std::string_view>> set;
};
// Tags that it does not know are left out.
MeshTags meshTags(const Labels& tags);

enum class MeshProtocol { http, tcp };

// The standard labels with what a Telemetry changes of them, as the text between the braces of a sample. What is not known
// is "unknown".
std::string meshLabels(const OwnLabels& own, const MeshTags& tags, MeshProtocol protocol);
// The labels of what is over the limit of a metric's label sets: all "other" but reporter and response_code.
std::string otherLabels(const MeshTags& tags, MeshProtocol protocol);

}  // namespace fairway::agent
