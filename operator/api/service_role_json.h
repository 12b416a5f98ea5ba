#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of an rbac.istio.io/v1alpha1 ServiceRole (v1alpha1.md 2.2, 2.4). A rule with
// an error, hasErrorsAt(problems, "spec.rules[i]"), may say more than its author meant: it must not be used.
void readSpec(const Value& spec, const ObjectMeta& meta, ServiceRoleSpec& out);

}  // namespace fairway::api
