#pragma once

#include <nlohmann/json.hpp>

namespace fairway::inject {

// A pod with a part of a pod merged over it by Kubernetes' strategic merge: mappings field by field, null deletes; the
// lists of a pod that have a merge key (containers, volumes, env by name, volumeMounts by mountPath, ports by
// containerPort, ...) element by element, in their order, new elements after them; any other list is replaced.
// `$patch: delete` in an element deletes it, `$patch: replace` in a mapping or element replaces instead of merging.
nlohmann::json strategicMerge(nlohmann::json base, const nlohmann::json& patch);

}  // namespace fairway::inject
