#include "base/workload_labels.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/strings.h"

namespace fairway {
namespace {

constexpr std::size_t kMaxPart = 253;  // the longest name in Kubernetes
constexpr std::size_t kParts = 6;
constexpr std::string_view kDescription = "workload/";
constexpr std::string_view kAttribute = "description=";
constexpr std::string_view kLatest = "latest";

bool isName(std::string_view text) {
  return text.size() <= kMaxPart && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                  c == '_';
         });
}

std::string firstOf(const std::map<std::string, std::string>& labels, std::initializer_list<const char*> names) {
  for (const auto* name : names) {
    const auto found = labels.find(name);
    if (found != labels.end() && !found->second.empty()) return found->second;
  }
  return {};
}

std::string_view defaultService(const WorkloadLabels& labels) {
  return labels.app.empty() ? labels.workload : labels.app;
}

std::string_view defaultRevision(const WorkloadLabels& labels) {
  return labels.version.empty() ? kLatest : std::string_view(labels.version);
}

}  // namespace

WorkloadLabels workloadLabels(const std::string& workload, const std::map<std::string, std::string>& labels,
                              const std::string& cluster) {
  WorkloadLabels result;
  result.workload = workload;
  result.app = firstOf(labels, {"app"});
  result.version = firstOf(labels, {"version"});
  result.canonicalService = firstOf(labels, {"service.istio.io/canonical-name", "app.kubernetes.io/name", "app"});
  if (result.canonicalService.empty()) result.canonicalService = workload;
  result.canonicalRevision =
      firstOf(labels, {"service.istio.io/canonical-revision", "app.kubernetes.io/version", "version"});
  if (result.canonicalRevision.empty()) result.canonicalRevision = kLatest;
  result.cluster = cluster;
  return result;
}

std::string workloadText(const WorkloadLabels& labels) {
  std::array<std::string_view, kParts> parts{
      labels.workload, labels.app, labels.version, labels.canonicalService, labels.canonicalRevision, labels.cluster};
  if (parts[3] == defaultService(labels)) parts[3] = {};
  if (parts[4] == defaultRevision(labels)) parts[4] = {};
  std::string result;
  for (std::size_t i = 0; i < kParts; ++i) {
    if (i != 0) result += '/';
    if (isName(parts[i])) result += parts[i];
  }
  result.erase(result.find_last_not_of('/') + 1);
  return result;
}

std::optional<WorkloadLabels> parseWorkloadText(std::string_view text) {
  if (text.size() > kParts * (kMaxPart + 1)) return std::nullopt;
  auto parts = split(text, '/');
  if (parts.size() > kParts || !std::all_of(parts.begin(), parts.end(), isName)) return std::nullopt;
  parts.resize(kParts);
  WorkloadLabels labels;
  labels.workload = std::move(parts[0]);
  labels.app = std::move(parts[1]);
  labels.version = std::move(parts[2]);
  labels.canonicalService = parts[3].empty() ? std::string(defaultService(labels)) : std::move(parts[3]);
  labels.canonicalRevision = parts[4].empty() ? std::string(defaultRevision(labels)) : std::move(parts[4]);
  labels.cluster = std::move(parts[5]);
  return labels;
}

std::string workloadDescription(const WorkloadLabels& labels) {
  return std::string(kDescription) + workloadText(labels);
}

std::optional<WorkloadLabels> workloadOfSubject(std::string_view subject) {
  if (!subject.starts_with(kAttribute)) return std::nullopt;
  subject.remove_prefix(kAttribute.size());
  if (!subject.starts_with(kDescription)) return std::nullopt;
  return parseWorkloadText(subject.substr(kDescription.size()));
}

}  // namespace fairway
