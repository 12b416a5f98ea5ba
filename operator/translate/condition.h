#pragma once

#include <optional>

#include "model/security.h"

namespace envoy::config::rbac::v3 {
class Permission;
class Policy;
class Principal;
}  // namespace envoy::config::rbac::v3

namespace fairway::translate {

// How a rule's conditions become matchers.
struct ConditionContext {
  // Requests can be seen; false on connections that are not HTTP.
  bool http = true;
  // What a condition counts as that cannot be evaluated here, so that the rule errs to the safe side: false
  // in rules that allow, true in rules that deny.
  bool unknown = false;
};

// Writes the rule's permission and principal. False if the rule can never match: Envoy need not see it.
bool setPolicy(envoy::config::rbac::v3::Policy& out, const model::AuthorizationRule& rule,
               const ConditionContext& context);

}  // namespace fairway::translate
