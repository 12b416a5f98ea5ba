#pragma once

#include <string>
#include <vector>

#include "api/security.h"
#include "normalize/objects.h"
#include "store/view.h"

namespace fairway::normalize {

// Whether a policy of the workload's or the root namespace is for a workload. Its target references are:
// Gateway of the Gateway API: the pods of that gateway, by their label; Service: the workloads that it leads to. A selector that
// cannot be read speaks for all workloads of its own namespace, never for the mesh.
bool isFor(store::View& view, const api::Object& policy, const api::Labels& selector,
           const std::vector<api::TargetRef>& targets, const std::string& ns, const model::Labels& labels);

// The policies of one kind for a workload: those of its namespace, then those of the root namespace.
template <class Policy>
std::vector<const Policy*> policiesFor(store::View& view, const std::string& ns, const model::Labels& labels) {
  auto policies = view.list<Policy>(ns);
  const auto& root = view.mesh().rootNamespace;
  if (ns != root) {
    for (const auto* policy : view.list<Policy>(root)) policies.push_back(policy);
  }
  std::erase_if(policies, [&](const Policy* policy) {
    return !isFor(view, *policy, policy->spec.selector, policy->spec.targetRefs, ns, labels);
  });
  return policies;
}

}  // namespace fairway::normalize
