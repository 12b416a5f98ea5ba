#include "translate/nearness.h"

#include <algorithm>

#include "base/strings.h"
#include "normalize/clients.h"
#include "normalize/queries.h"

namespace fairway::translate {

namespace {

using model::Endpoint;
using model::Locality;

constexpr std::string_view kRegion = "topology.kubernetes.io/region";
constexpr std::string_view kZone = "topology.kubernetes.io/zone";
constexpr std::string_view kSubzone = "topology.istio.io/subzone";

// "region/zone/subzone"; "*", or an end that is left out, stands for all.
bool covers(const std::string& pattern, const Locality& locality) {
  const std::string* own[] = {&locality.region, &locality.zone, &locality.subzone};
  const auto parts = split(pattern, '/');
  for (std::size_t i = 0; i < parts.size() && i < 3; ++i) {
    if (parts[i] == "*") return true;
    if (parts[i] != *own[i]) return false;
  }
  return true;
}

std::optional<std::string> topology(const Locality& locality, std::string_view label) {
  if (label == kRegion) return locality.region;
  if (label == kZone) return locality.zone;
  if (label == kSubzone) return locality.subzone;
  return std::nullopt;
}

std::string valueOf(const model::Labels& labels, const std::string& name) {
  const auto found = labels.find(name);
  return found == labels.end() ? std::string() : found->second;
}

}  // namespace

std::string Nearness::labelOf(const Endpoint& endpoint, const std::string& name) const {
  if (auto place = topology(endpoint.locality, name)) return *place;
  auto own = valueOf(endpoint.labels, name);
  if (!own.empty() || name != normalize::kHostnameLabel) return own;
  const auto node = nodes.find(endpoint.workloadNs + "/" + endpoint.workloadName);
  return node == nodes.end() ? std::string() : node->second;
}

std::string Nearness::labelOfClient(const std::string& name) const {
  if (auto place = topology(client_.locality, name)) return *place;
  return valueOf(client_.labels, name);
}

std::uint32_t Nearness::priorityOf(const Endpoint& endpoint) const {
  if (!policy_.distribute.empty()) return 0;
  if (!policy_.failoverPriority.empty()) {
    const auto count = policy_.failoverPriority.size();
    std::size_t common = 0;
    for (; common < count; ++common) {
      const auto& label = policy_.failoverPriority[common];
      const auto equals = label.find('=');
      const auto name = label.substr(0, equals);
      const auto wanted = equals == std::string::npos ? labelOfClient(name) : label.substr(equals + 1);
      if (labelOf(endpoint, name) != wanted) break;
    }
    return static_cast<std::uint32_t>(count - common);
  }
  const auto& here = client_.locality;
  const auto& there = endpoint.locality;
  if (here.region == there.region) return here.zone != there.zone ? 2 : here.subzone != there.subzone ? 1 : 0;
  for (const auto& [from, to] : policy_.failover) {
    if (from == here.region) return there.region == to ? 3 : 4;
  }
  return 3;
}

void Nearness::distribute(Groups& groups) const {
  const auto own = std::find_if(policy_.distribute.begin(), policy_.distribute.end(),
                                [&](const auto& one) { return covers(one.from, client_.locality); });
  if (own == policy_.distribute.end()) return;
  constexpr std::uint64_t kScale = 1000;
  std::map<GroupKey, std::uint32_t> weights;
  for (const auto& [pattern, percent] : own->to) {
    std::uint64_t sum = 0;
    for (const auto& [where, group] : groups) {
      if (covers(pattern, where.locality)) sum += group.weight;
    }
    for (const auto& [where, group] : groups) {
      if (!covers(pattern, where.locality)) continue;
      const auto share = std::uint64_t{percent} * kScale * group.weight / std::max<std::uint64_t>(1, sum);
      weights[where] = static_cast<std::uint32_t>(std::max<std::uint64_t>(1, share));
    }
  }
  std::erase_if(groups, [&](const auto& entry) { return !weights.contains(entry.first); });
  for (auto& [where, group] : groups) group.weight = weights[where];
}

std::optional<Nearness> nearnessOf(store::View& view, const model::Client& client, const std::string& host,
                                   std::uint32_t port, const std::string& subset,
                                   const std::vector<const Endpoint*>& endpoints) {
  const auto& policies = view.ask(normalize::TrafficPolicyOf{normalize::policyClient(view, client, host), host, port});
  const auto* policy = &policies.policy;
  for (const auto& one : policies.subsets) {
    if (one.name == subset) policy = &one.policy;
  }
  if (!policy->locality) return std::nullopt;
  Nearness result(client, *policy->locality);
  const auto& labels = policy->locality->failoverPriority;
  const bool byNode = std::any_of(labels.begin(), labels.end(), [](const std::string& label) {
    return label.substr(0, label.find('=')) == normalize::kHostnameLabel;
  });
  for (const auto* endpoint : endpoints) {
    if (!byNode || endpoint->workloadName.empty()) continue;
    const auto& workload = view.ask(normalize::WorkloadOf{endpoint->workloadNs, endpoint->workloadName});
    if (workload) result.nodes[endpoint->workloadNs + "/" + endpoint->workloadName] = workload->node;
  }
  return result;
}

}  // namespace fairway::translate
