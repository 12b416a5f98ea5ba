#pragma once

#include "normalize/queries.h"

// End-user tokens, from both dialects: security.istio.io RequestAuthentication, and the origins of v1alpha1 policies.
namespace fairway::normalize {

// The objects of the newer kind that select a workload add up; if there is one, the old origins are not asked
// (v1alpha1.md 3.3, "1.5 precedence"). Keys of issuers are read from the store's KeySets: without them no token of
// that issuer passes. An object with errors refuses every HTTP request.
RequestAuthenticationOf::Value requestAuthenticationOf(store::View& view, const RequestAuthenticationOf& query);

}  // namespace fairway::normalize
