#include <map>

#include "analyze/checks.h"
#include "analyze/policies.h"
#include "analyze/spelling.h"
#include "api/envoy_filter.h"
#include "api/networking.h"
#include "api/rate_limit.h"
#include "api/service_entry.h"
#include "api/sidecar.h"
#include "normalize/objects.h"

namespace fairway::analyze {

namespace {

void checkOne(const World& world, const Resource& resource, const api::Labels& selector, const std::string& field,
              bool everywhere, Reporter& report) {
  if (selector.empty() || !world.select(everywhere ? "" : resource.ns, selector).empty()) return;
  std::vector<std::string> known;
  for (const auto* workload : world.select(everywhere ? "" : resource.ns, {})) {
    for (const auto& [key, value] : workload->labels()) known.push_back(key + "=" + value);
  }
  std::string hint;
  for (const auto& [key, value] : selector) {
    if (hint.empty()) hint = didYouMean(key + "=" + value, known);
  }
  report.add(Code::selects_nothing, resource, field,
             "no workload " + (everywhere ? std::string("of the mesh") : "in namespace " + resource.ns) +
                 " has the labels " + labelText(selector) + hint + ": it applies to nothing",
             "correct the selector; kubectl get pods" + (everywhere ? std::string(" -A") : " -n " + resource.ns) +
                 " --show-labels tells the labels");
}

template <class Policy>
void checkPolicies(const World& world, Reporter& report) {
  world.each<Policy>([&](const Resource& resource, const Policy& policy) {
    if (normalize::Errors(policy).inSelector(policy.spec.selector)) return;
    checkOne(world, resource, policy.spec.selector, "spec.selector", resource.ns == world.options().mesh.rootNamespace,
             report);
  });
}

template <class Kind>
void checkWorkloadSelectors(const World& world, Reporter& report) {
  world.each<Kind>([&](const Resource& resource, const Kind& object) {
    if (normalize::Errors(object).at("spec.workloadSelector")) return;
    checkOne(world, resource, object.spec.workloadSelector, "spec.workloadSelector",
             resource.ns == world.options().mesh.rootNamespace, report);
  });
}

// Of several for the same workloads the oldest decides.
void checkPeers(const World& world, Reporter& report) {
  std::map<std::pair<std::string, api::Labels>, std::vector<const api::PeerAuthentication*>> same;
  world.each<api::PeerAuthentication>([&](const Resource&, const api::PeerAuthentication& policy) {
    if (!normalize::Errors(policy).inSelector(policy.spec.selector)) {
      same[{policy.meta.ns, policy.spec.selector}].push_back(&policy);
    }
  });
  for (auto& [key, policies] : same) {
    normalize::sortOldestFirst(policies);
    for (std::size_t i = 1; i < policies.size(); ++i) {
      const auto* resource = world.find(api::Kind::peer_authentication, policies[i]->meta.ns, policies[i]->meta.name);
      if (resource == nullptr) continue;
      report.add(Code::second_peer_authentication, *resource, "spec",
                 "it has no effect: PeerAuthentication " + policies.front()->meta.key().toString() +
                     ", which is older, speaks for the same workloads (" +
                     (key.second.empty() ? "all of the namespace" : labelText(key.second)) + ")",
                 "keep one of the two");
    }
  }
}

}  // namespace

void checkSelectors(const World& world, Reporter& report) {
  checkPeers(world, report);
  if (!world.knowsWorkloads() || !world.knows(api::Kind::pod)) return;
  checkPolicies<api::AuthorizationPolicy>(world, report);
  checkPolicies<api::RequestAuthentication>(world, report);
  checkPolicies<api::PeerAuthentication>(world, report);
  checkPolicies<api::RateLimit>(world, report);
  checkWorkloadSelectors<api::Sidecar>(world, report);
  checkWorkloadSelectors<api::EnvoyFilter>(world, report);
  world.each<api::ServiceEntry>([&](const Resource& resource, const api::ServiceEntry& entry) {
    const auto& selector = entry.spec.workloadSelector;
    if (!selector.empty() && !world.endpointLabels(resource.ns, selector).empty()) return;
    checkOne(world, resource, entry.spec.workloadSelector, "spec.workloadSelector", false, report);
  });
  world.each<api::DestinationRule>([&](const Resource& resource, const api::DestinationRule& rule) {
    checkOne(world, resource, rule.spec.workloadSelector, "spec.workloadSelector", false, report);
  });
}

}  // namespace fairway::analyze
