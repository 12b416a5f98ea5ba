#pragma once

#include <optional>
#include <vector>

#include "api/security.h"
#include "model/security.h"

namespace fairway::normalize {

// v1alpha1.md 1.3: which origins of a policy take part in which requests, by their trigger rules, as a list of which the
// first rule with matching paths decides. Providers are the indexes of `origins`; a rule without providers is a path of which no
// origin takes part. Nothing if the combinations are too many, or one needs two regular expressions at a time, which
// Envoy's match cannot say.
std::optional<std::vector<model::RequestAuthentication::Rule>> jwtRules(
    const std::vector<api::AuthenticationPolicySpec::Jwt>& origins, model::RequestAuthentication::Need need);

}  // namespace fairway::normalize
