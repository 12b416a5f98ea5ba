#pragma once

#include <functional>
#include <string>
#include <vector>

#include "analyze/world.h"
#include "api/security.h"

// What the checks of policies share.
namespace fairway::analyze {

// The workloads that a policy is for: of its namespace, or of all for one of the root namespace.
std::vector<const Workload*> workloadsOf(const World& world, const api::Object& policy, const api::Labels& selector,
                                         const std::vector<api::TargetRef>& targets);

// A pair of fields of a rule: one of `values` and none of `notValues`.
struct ValuesAt {
  std::string field;      // "spec.rules[0].from[0].source.principals"
  std::string attribute;  // "principals"; of conditions the key
  const std::vector<std::string>& values;
  const std::vector<std::string>& notValues;
  std::string notField;
};
// Every pair of fields of a policy that has values.
void eachValues(const api::AuthorizationPolicy& policy,
                const std::function<void(const ValuesAt&, std::size_t rule)>& visit);

}  // namespace fairway::analyze
