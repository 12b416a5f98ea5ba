#include "agent/span_environment.h"

#include <set>
#include <string_view>
#include <utility>

#include "agent/bootstrap.h"
#include "base/strings.h"
#include "base/workload_labels.h"

namespace fairway::agent {
namespace {

std::string metadataOf(const AgentOptions& options, const std::string& name) {
  const auto found = options.metadata.find(name);
  return found == options.metadata.end() ? std::string() : found->second;
}

// "a=b,c=d", with `own` for names that `said` does not have.
std::string resourceAttributes(const std::string& said, const std::vector<std::pair<std::string, std::string>>& own) {
  std::set<std::string> names;
  std::string result;
  for (const auto& part : split(said, ',')) {
    const auto attribute = trim(part);
    const auto name = trim(attribute.substr(0, attribute.find('=')));
    if (name.empty()) continue;
    names.emplace(name);
    result += (result.empty() ? "" : ",") + std::string(attribute);
  }
  for (const auto& [name, value] : own) {
    if (!value.empty() && !names.contains(name)) result += (result.empty() ? "" : ",") + name + "=" + value;
  }
  return result;
}

}  // namespace

std::vector<std::string> spanEnvironment(const AgentOptions& options, const std::string& attributes) {
  const auto workload = metadataOf(options, "WORKLOAD_NAME");
  const auto cluster = metadataOf(options, "CLUSTER_ID");
  const auto labels = workloadLabels(workload.empty() ? options.podName : workload, options.labels, cluster);
  std::vector<std::string> result{"FAIRWAY_CANONICAL_SERVICE=" + labels.canonicalService,
                                  "FAIRWAY_CANONICAL_REVISION=" + labels.canonicalRevision};
  if (!cluster.empty()) result.push_back("FAIRWAY_CLUSTER_ID=" + cluster);
  result.push_back("OTEL_RESOURCE_ATTRIBUTES=" +
                   resourceAttributes(attributes, {{"service.name", serviceCluster(options)},
                                                   {"service.namespace", options.podNamespace},
                                                   {"service.version", labels.version},
                                                   {"k8s.namespace.name", options.podNamespace},
                                                   {"k8s.pod.name", options.podName},
                                                   {"k8s.cluster.name", cluster}}));
  return result;
}

}  // namespace fairway::agent
