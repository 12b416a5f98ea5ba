#pragma once

#include <optional>
#include <string>

#include "api/security.h"
#include "model/security.h"
#include "store/view.h"

// One rule of an AuthorizationPolicy as a pair of conditions.
namespace fairway::normalize {

struct PolicyRuleContext {
  store::View& view;
  const api::AuthorizationPolicy& policy;
  std::size_t index = 0;  // of the rule
  bool http = false;      // the workload port speaks HTTP
};

struct PolicyRule {
  model::Condition permission, principal;
};

// Nothing if the rule can never match.
std::optional<PolicyRule> readPolicyRule(const PolicyRuleContext& context);

}  // namespace fairway::normalize
