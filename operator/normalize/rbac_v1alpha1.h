#pragma once

#include <string>
#include <vector>

#include "normalize/internal_queries.h"
#include "normalize/queries.h"

// rbac.istio.io/v1alpha1: ServiceRole, ServiceRoleBinding and the (Cluster)RbacConfig that switches them on.
namespace fairway::normalize {

RbacSwitch::Value rbacSwitch(store::View& view, const RbacSwitch& query);
BindingCheck::Value bindingCheck(store::View& view, const BindingCheck& query);

// The filter for one workload port, as v1alpha1.md 2.5 generates it; empty where RBAC is off for it. Every service
// that names the port counts: requests are let in by a role for any of them, and checked as soon as RBAC covers
// one. A port that no service names has no roles: nothing gets in where RBAC covers the namespace.
std::vector<model::AuthorizationFilter> rbacFilters(store::View& view, const AuthorizationOf& query);

}  // namespace fairway::normalize
