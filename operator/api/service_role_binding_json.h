#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of an rbac.istio.io/v1alpha1 ServiceRoleBinding (v1alpha1.md 2.3, 2.4). A
// subject with an error, hasErrorsAt(problems, "spec.subjects[i]"), may be wider than its author meant: it
// must not be used.
void readSpec(const Value& spec, const ObjectMeta& meta, ServiceRoleBindingSpec& out);

}  // namespace fairway::api
