#include "agent/span_environment.h"

#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "agent/bootstrap.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

// The first of these that the pod has; labels of a pod are short and plain.
template <std::size_t size>
std::string firstLabel(const AgentOptions& options, const std::array<const char*, size>& names) {
  for (const auto* name : names) {
    const auto label = options.labels.find(name);
    if (label != options.labels.end() && !label->second.empty()) return label->second;
  }
  return {};
}

std::string metadataOf(const AgentOptions& options, const std::string& name) {
  const auto found = options.metadata.find(name);
  return found == options.metadata.end() ? std::string() : found->second;
}

constexpr std::array kServiceLabels{"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"};
constexpr std::array kRevisionLabels{"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"};

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
  auto service = firstLabel(options, kServiceLabels);
  if (service.empty()) service = metadataOf(options, "WORKLOAD_NAME");
  if (service.empty()) service = options.podName;
  const auto revision = firstLabel(options, kRevisionLabels);
  const auto cluster = metadataOf(options, "CLUSTER_ID");
  std::vector<std::string> result{"FAIRWAY_CANONICAL_SERVICE=" + service};
  if (!revision.empty()) result.push_back("FAIRWAY_CANONICAL_REVISION=" + revision);
  if (!cluster.empty()) result.push_back("FAIRWAY_CLUSTER_ID=" + cluster);
  result.push_back("OTEL_RESOURCE_ATTRIBUTES=" +
                   resourceAttributes(attributes, {{"service.name", serviceCluster(options)},
                                                   {"service.namespace", options.podNamespace},
                                                   {"service.version", revision},
                                                   {"k8s.namespace.name", options.podNamespace},
                                                   {"k8s.pod.name", options.podName},
                                                   {"k8s.cluster.name", cluster}}));
  return result;
}

}  // namespace fairway::agent
