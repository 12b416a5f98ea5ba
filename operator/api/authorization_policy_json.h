#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of a security.istio.io AuthorizationPolicy, as Istio's reference for it and
// for its conditions has it. A rule with an error, hasErrorsAt(problems, "spec.rules[i]"), is not what its
// author meant: used to allow it must match nothing, used to deny it must match everything.
void readSpec(const Value& spec, const ObjectMeta& meta, AuthorizationPolicySpec& out);

}  // namespace fairway::api
