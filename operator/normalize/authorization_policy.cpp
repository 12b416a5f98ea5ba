#include "normalize/authorization_policy.h"

#include <algorithm>

#include "api/security.h"
#include "normalize/objects.h"
#include "normalize/policy_rule.h"

namespace fairway::normalize {

namespace {

using Policy = api::AuthorizationPolicy;
using Action = api::AuthorizationPolicySpec::Action;

std::string ruleName(const Policy& policy, std::size_t index) {
  return "ns[" + policy.meta.ns + "]-policy[" + policy.meta.name + "]-rule[" + std::to_string(index) + "]";
}

bool selectsWorkload(store::View& view, const Policy& policy, const AuthorizationOf& query) {
  // With a selector as well it is an invalid policy, which fails closed where the selector points.
  if (policy.spec.hasTargetRefs && policy.spec.selector.empty()) {
    warning(view, provenanceOf(policy), "spec.targetRefs",
            "policies attached to a Gateway or Service are not supported: it applies to no pod; use spec.selector");
    return false;
  }
  // Nobody knows which workloads it was meant for: it speaks for those of its namespace, never for the mesh.
  if (Errors(policy).inSelector(policy.spec.selector)) return policy.meta.ns == query.ns;
  return api::selects(policy.spec.selector, query.labels);
}

// The policies of the workload's namespace and the root namespace that select it.
std::vector<const Policy*> applicable(store::View& view, const AuthorizationOf& query) {
  auto policies = view.list<Policy>(query.ns);
  const auto& root = view.mesh().rootNamespace;
  if (query.ns != root) {
    for (const auto* policy : view.list<Policy>(root)) policies.push_back(policy);
  }
  std::erase_if(policies, [&](const Policy* policy) { return !selectsWorkload(view, *policy, query); });
  return policies;
}

bool isHttpPort(store::View& view, const AuthorizationOf& query) {
  const auto& ports = view.ask(InboundPortsOf{query.ns, query.labels});
  return std::any_of(ports.begin(), ports.end(),
                     [&](const auto& port) { return port.port == query.port && model::isHttp(port.protocol); });
}

model::AuthorizationRule everything(const Policy& policy) {
  return {ruleName(policy, 0), model::Condition::anything(), model::Condition::anything(), provenanceOf(policy)};
}

void addRules(store::View& view, const Policy& policy, const Errors& errors, bool http,
              std::vector<model::AuthorizationRule>& rules) {
  for (std::size_t i = 0; i < policy.spec.rules.size(); ++i) {
    const auto name = "rules[" + std::to_string(i) + "]";
    if (errors.atItem("spec.rules", i)) {
      error(view, provenanceOf(policy, name), "spec." + name, "the rule has errors: it never matches");
      continue;
    }
    if (auto rule = readPolicyRule({view, policy, i, http})) {
      rules.push_back(
          {ruleName(policy, i), std::move(rule->permission), std::move(rule->principal), provenanceOf(policy, name)});
    }
  }
}

}  // namespace

PolicyFilters policyFilters(store::View& view, const AuthorizationOf& query) {
  using FilterAction = model::AuthorizationFilter::Action;
  PolicyFilters result;
  const auto policies = applicable(view, query);
  if (policies.empty()) return result;
  const bool http = isHttpPort(view, query);

  model::AuthorizationFilter audit, deny, allow;
  audit.action = FilterAction::audit;
  deny.action = FilterAction::deny;
  bool hasAllow = false;
  for (const auto* policy : policies) {
    const Errors errors(*policy);
    result.decides |= policy->spec.action != Action::audit || errors.at("spec.action");
    switch (policy->spec.action) {
      case Action::allow:
        hasAllow = true;
        if (errors.outside({"spec.rules"})) {
          error(view, provenanceOf(*policy), "spec", "the policy has errors: none of its rules ever matches");
        } else {
          addRules(view, *policy, errors, http, allow.rules);
        }
        break;
      case Action::deny:
        if (errors.any()) {
          error(view, provenanceOf(*policy), "spec", "the policy has errors: every request to its workloads is denied");
          deny.rules.push_back(everything(*policy));
        } else {
          addRules(view, *policy, errors, http, deny.rules);
        }
        break;
      case Action::custom:
        error(view, provenanceOf(*policy), "spec.action",
              "CUSTOM is not supported: every request to its workloads is denied; use ALLOW or DENY");
        deny.rules.push_back(everything(*policy));
        break;
      case Action::audit:
        if (!errors.outside({"spec.rules"})) addRules(view, *policy, errors, http, audit.rules);
        break;
    }
  }
  const auto add = [&](model::AuthorizationFilter& filter) {
    std::sort(filter.rules.begin(), filter.rules.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
    result.filters.push_back(std::move(filter));
  };
  if (!audit.rules.empty()) add(audit);
  if (!deny.rules.empty()) add(deny);
  if (hasAllow) add(allow);
  return result;
}

}  // namespace fairway::normalize
