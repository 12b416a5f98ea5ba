#include "analyze/policies.h"

#include "normalize/policy_target.h"

namespace fairway::analyze {

std::vector<const Workload*> workloadsOf(const World& world, const api::Object& policy, const api::Labels& selector,
                                         const std::vector<api::TargetRef>& targets) {
  std::vector<const Workload*> result;
  const bool everywhere = policy.meta.ns == world.options().mesh.rootNamespace;
  for (const auto* workload : world.select(everywhere ? "" : policy.meta.ns, {})) {
    if (normalize::isFor(world.view(), policy, selector, targets, workload->ns, workload->labels())) {
      result.push_back(workload);
    }
  }
  return result;
}

void eachValues(const api::AuthorizationPolicy& policy,
                const std::function<void(const ValuesAt&, std::size_t)>& visit) {
  for (std::size_t i = 0; i < policy.spec.rules.size(); ++i) {
    const auto& rule = policy.spec.rules[i];
    const auto at = "spec.rules[" + std::to_string(i) + "].";
    const auto tell = [&](const std::string& place, const std::string& name, const std::string& notName,
                          const std::vector<std::string>& values, const std::vector<std::string>& notValues) {
      if (!values.empty() || !notValues.empty()) visit({place + name, name, values, notValues, place + notName}, i);
    };
    for (std::size_t k = 0; k < rule.from.size(); ++k) {
      const auto& from = rule.from[k];
      const auto place = at + "from[" + std::to_string(k) + "].source.";
      tell(place, "principals", "notPrincipals", from.principals, from.notPrincipals);
      tell(place, "requestPrincipals", "notRequestPrincipals", from.requestPrincipals, from.notRequestPrincipals);
      tell(place, "namespaces", "notNamespaces", from.namespaces, from.notNamespaces);
      tell(place, "serviceAccounts", "notServiceAccounts", from.serviceAccounts, from.notServiceAccounts);
      tell(place, "ipBlocks", "notIpBlocks", from.ipBlocks, from.notIpBlocks);
      tell(place, "remoteIpBlocks", "notRemoteIpBlocks", from.remoteIpBlocks, from.notRemoteIpBlocks);
    }
    for (std::size_t k = 0; k < rule.to.size(); ++k) {
      const auto& to = rule.to[k];
      const auto place = at + "to[" + std::to_string(k) + "].operation.";
      tell(place, "hosts", "notHosts", to.hosts, to.notHosts);
      tell(place, "ports", "notPorts", to.ports, to.notPorts);
      tell(place, "methods", "notMethods", to.methods, to.notMethods);
      tell(place, "paths", "notPaths", to.paths, to.notPaths);
    }
    for (std::size_t k = 0; k < rule.when.size(); ++k) {
      const auto& when = rule.when[k];
      const auto place = at + "when[" + std::to_string(k) + "].";
      if (when.values.empty() && when.notValues.empty()) continue;
      visit({place + "values", when.key, when.values, when.notValues, place + "notValues"}, i);
    }
  }
}

}  // namespace fairway::analyze
