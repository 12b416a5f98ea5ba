#include "normalize/policy_target.h"

#include <algorithm>

#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

constexpr const char* kGatewayName = "gateway.networking.k8s.io/gateway-name";

bool leadsTo(store::View& view, const std::string& service, const std::string& ns, const model::Labels& labels) {
  const auto& hosts = view.ask(WorkloadServices{ns, labels});
  return std::any_of(hosts.begin(), hosts.end(), [&](const auto& host) {
    const auto& found = view.ask(ServiceOf{host});
    return found && found->ns == ns && found->name == service;
  });
}

bool isTarget(store::View& view, const api::Object& policy, const api::TargetRef& target, const std::string& ns,
              const model::Labels& labels) {
  if (target.kind == "Gateway" && target.group == "gateway.networking.k8s.io") {
    const auto name = labels.find(kGatewayName);
    return policy.meta.ns == ns && name != labels.end() && name->second == target.name;
  }
  if (target.kind == "Service" && (target.group.empty() || target.group == "core")) {
    return policy.meta.ns == ns && leadsTo(view, target.name, ns, labels);
  }
  warning(view, provenanceOf(policy), "spec.targetRefs",
          "it is for no pod: found " + target.kind + (target.group.empty() ? "" : "." + target.group) +
              ", expected Gateway.gateway.networking.k8s.io or Service; or use spec.selector");
  return false;
}

}  // namespace

bool isFor(store::View& view, const api::Object& policy, const api::Labels& selector,
           const std::vector<api::TargetRef>& targets, const std::string& ns, const model::Labels& labels) {
  const Errors errors(policy);
  // With a selector as well it is an invalid policy, which fails closed where the selector points.
  if (selector.empty() && (!targets.empty() || errors.below("spec.targetRefs") || errors.below("spec.targetRef"))) {
    if (errors.below("spec.targetRefs") || errors.below("spec.targetRef")) return policy.meta.ns == ns;
    return std::any_of(targets.begin(), targets.end(),
                       [&](const auto& target) { return isTarget(view, policy, target, ns, labels); });
  }
  if (errors.inSelector(selector)) return policy.meta.ns == ns;
  return api::selects(selector, labels);
}

}  // namespace fairway::normalize
