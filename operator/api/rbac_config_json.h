#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of an rbac.istio.io/v1alpha1 RbacConfig or ClusterRbacConfig (v1alpha1.md
// 2.1). YAML 1.1 makes booleans of unquoted ON and OFF: they are taken, with a warning. A mode that cannot
// be read is ON, so that a mistake never opens what was closed.
void readSpec(const Value& spec, const ObjectMeta& meta, RbacConfigSpec& out);

}  // namespace fairway::api
