#include "normalize/authorization.h"

#include "normalize/authorization_policy.h"
#include "normalize/rbac_v1alpha1.h"

namespace fairway::normalize {

AuthorizationOf::Value authorizationOf(store::View& view, const AuthorizationOf& query) {
  auto policies = policyFilters(view, query);
  AuthorizationOf::Value result;
  result.filters = std::move(policies.filters);
  // v1alpha1.md 2.1: a new policy that selects the workload switches the old RBAC off for it. AUDIT decides nothing,
  // and did not exist when that rule was made: it must not open what the old RBAC closes.
  if (policies.decides) return result;
  for (auto& filter : rbacFilters(view, query)) result.filters.push_back(std::move(filter));
  return result;
}

}  // namespace fairway::normalize
