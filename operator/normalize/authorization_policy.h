#pragma once

#include <vector>

#include "normalize/queries.h"

// security.istio.io AuthorizationPolicy.
namespace fairway::normalize {

struct PolicyFilters {
  // Those that ask others (one for each provider, by name), audit, deny, allow; each only if a policy with that action
  // selects the workload. Dry runs are shadow rules of the last two.
  std::vector<model::AuthorizationFilter> filters;
  // A policy that decides about requests (not AUDIT, and no dry run) selects the workload.
  bool decides = false;
};

// What fails closed, and how: ALLOW rules that cannot be read or evaluated never match, which leaves the workload
// denied by default; DENY policies with errors, and CUSTOM ones whose provider is unknown, deny every request to the workloads they select.
// A negative match on an identity (notPrincipals, notNamespaces and the like) lets in only who has an identity, in
// ALLOW; in DENY it also takes who has none (ISTIO-SECURITY-2021-004).
// On TCP ports ALLOW alternatives with HTTP attributes never match, DENY ones apply without these attributes.
PolicyFilters policyFilters(store::View& view, const AuthorizationOf& query);

}  // namespace fairway::normalize
