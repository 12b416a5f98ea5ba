#include "normalize/authorization_policy.h"

#include <algorithm>
#include <map>
#include <optional>

#include "api/security.h"
#include "normalize/external_authorizer.h"
#include "normalize/gateways.h"
#include "normalize/objects.h"
#include "normalize/policy_rule.h"
#include "normalize/policy_target.h"

namespace fairway::normalize {

namespace {

using Policy = api::AuthorizationPolicy;
using Action = api::AuthorizationPolicySpec::Action;

std::string ruleName(const Policy& policy, std::size_t index) {
  return "ns[" + policy.meta.ns + "]-policy[" + policy.meta.name + "]-rule[" + std::to_string(index) + "]";
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
  const auto policies = policiesFor<Policy>(view, query.ns, query.labels);
  if (policies.empty()) return result;
  const bool http = speaksHttp(view, query.ns, query.labels, query.port);

  model::AuthorizationFilter audit, deny, allow;
  audit.action = FilterAction::audit;
  deny.action = FilterAction::deny;
  std::map<std::string, model::AuthorizationFilter> external;  // by provider
  bool hasAllow = false;
  for (const auto* policy : policies) {
    const Errors errors(*policy);
    const auto action = policy->spec.action;
    const bool readable = !errors.any();
    // A dry run decides nothing, unless it cannot be told what its author wanted.
    const bool dryRun = policy->spec.dryRun && readable && (action == Action::allow || action == Action::deny);
    result.decides |= !dryRun && (action != Action::audit || errors.at("spec.action"));
    switch (action) {
      case Action::allow:
        hasAllow |= !dryRun;
        if (errors.outside({"spec.rules"})) {
          error(view, provenanceOf(*policy), "spec", "the policy has errors: none of its rules ever matches");
        } else {
          addRules(view, *policy, errors, http, dryRun ? allow.shadowRules : allow.rules);
        }
        break;
      case Action::deny:
        if (!readable) {
          error(view, provenanceOf(*policy), "spec", "the policy has errors: every request to its workloads is denied");
          deny.rules.push_back(everything(*policy));
        } else {
          addRules(view, *policy, errors, http, dryRun ? deny.shadowRules : deny.rules);
        }
        break;
      case Action::custom: {
        if (policy->spec.dryRun) {
          warning(view, provenanceOf(*policy), "metadata.annotations",
                  "istio.io/dry-run has no effect on action CUSTOM: the policy is enforced");
        }
        auto authorizer = readable ? externalAuthorizer(view, *policy, http) : std::nullopt;
        if (!readable) error(view, provenanceOf(*policy), "spec", "the policy has errors");
        if (!authorizer) {
          error(view, provenanceOf(*policy), "spec.provider",
                "nobody can be asked: every request to its workloads is denied");
          deny.rules.push_back(everything(*policy));
          break;
        }
        auto& filter = external[authorizer->name];
        filter.action = FilterAction::external;
        filter.authorizer = std::move(authorizer);
        addRules(view, *policy, errors, http, filter.rules);
        break;
      }
      case Action::audit:
        if (!errors.outside({"spec.rules"})) addRules(view, *policy, errors, http, audit.rules);
        break;
    }
  }
  const auto sort = [](std::vector<model::AuthorizationRule>& rules) {
    std::sort(rules.begin(), rules.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  };
  const auto add = [&](model::AuthorizationFilter& filter) {
    sort(filter.rules);
    sort(filter.shadowRules);
    result.filters.push_back(std::move(filter));
  };
  for (auto& [name, filter] : external) {
    if (!filter.rules.empty()) add(filter);
  }
  if (!audit.rules.empty()) add(audit);
  deny.enforced = !deny.rules.empty();
  if (deny.enforced || !deny.shadowRules.empty()) add(deny);
  allow.enforced = hasAllow;
  if (hasAllow || !allow.shadowRules.empty()) add(allow);
  return result;
}

}  // namespace fairway::normalize
