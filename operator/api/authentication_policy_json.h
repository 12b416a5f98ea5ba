#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of an authentication.istio.io/v1alpha1 Policy, or of a MeshPolicy when
// `meta` has no namespace (v1alpha1.md 1.2, 1.5). A `peers` or `mtls` that cannot be read is STRICT.
void readSpec(const Value& spec, const ObjectMeta& meta, AuthenticationPolicySpec& out);

}  // namespace fairway::api
