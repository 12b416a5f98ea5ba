#pragma once

#include <functional>
#include <string>
#include <vector>

#include "migrate/manifest.h"

namespace fairway::migrate {

// Workloads that one policy can select, and that all want the same.
struct Group {
  model::Labels selector;  // empty: the whole namespace
  std::string name;        // of the Service whose selector it is, or made of the labels; empty with an empty selector
  std::vector<const WorkloadClass*> workloads;
  bool exact = true;  // false: it also selects workloads that want something else
};

// Selectors for the workloads of a namespace for which `wants` is not empty, such that each selects only workloads that
// want the same. Tries the whole namespace (if `whole`), the Services' selectors, two of them together, and then all
// labels of the workload. Workloads that do not `care` may be selected, too. In the root namespace a selector is for
// the whole mesh, unless `local`.
std::vector<Group> groupsOf(const Context& context, const std::string& ns, bool whole, bool local,
                            const std::function<std::string(const WorkloadClass&)>& wants,
                            const std::function<bool(const WorkloadClass&)>& cares);

// The labels that its author gave a workload.
model::Labels ownLabels(const WorkloadClass& workload);

}  // namespace fairway::migrate
