#include <algorithm>

#include "analyze/checks.h"
#include "analyze/policies.h"
#include "analyze/spelling.h"
#include "api/mesh_config.h"

namespace fairway::analyze {

namespace {

void checkBindings(const World& world, Reporter& report) {
  if (!world.knows(api::Kind::service_role)) return;
  world.each<api::ServiceRoleBinding>([&](const Resource& resource, const api::ServiceRoleBinding& binding) {
    const auto& role = binding.spec.roleName;
    if (role.empty() || world.find(api::Kind::service_role, resource.ns, role) != nullptr) return;
    std::vector<std::string> known;
    for (const auto* other : world.of(api::Kind::service_role)) {
      if (other->ns == resource.ns) known.push_back(other->name);
    }
    report.add(Code::role_not_found, resource, "spec.roleRef.name",
               "there is no ServiceRole " + role + " in namespace " + resource.ns + didYouMean(role, known) +
                   ": the binding allows nothing",
               "create the role, or correct its name");
  });
}

void checkNamespaces(const World& world, Reporter& report) {
  std::vector<std::string> known;
  for (const auto* ns : world.of(api::Kind::namespace_)) known.push_back(ns->name);
  // Manifests need not bring the namespaces of their clients.
  if (known.empty() || !world.options().cluster || !world.knows(api::Kind::namespace_)) return;
  world.each<api::AuthorizationPolicy>([&](const Resource& resource, const api::AuthorizationPolicy& policy) {
    eachValues(policy, [&](const ValuesAt& at, std::size_t) {
      if (at.attribute != "namespaces" && at.attribute != "source.namespace") return;
      for (const auto* values : {&at.values, &at.notValues}) {
        for (std::size_t i = 0; i < values->size(); ++i) {
          const auto& name = (*values)[i];
          if (name.find('*') != std::string::npos || std::find(known.begin(), known.end(), name) != known.end())
            continue;
          report.add(Code::namespace_not_found, resource,
                     (values == &at.values ? at.field : at.notField) + "[" + std::to_string(i) + "]",
                     "there is no namespace " + name + didYouMean(name, known) + ": no request comes from it",
                     "correct the name, or create the namespace");
        }
      }
    });
  });
}

void checkProviders(const World& world, Reporter& report) {
  const auto& mesh = world.options().mesh;
  const auto* config = world.view().get<api::ConfigMap>(mesh.rootNamespace, mesh.configMap);
  if (!world.knows(api::Kind::config_map) || (config == nullptr && !world.options().cluster)) return;
  std::vector<std::string> known;
  if (config != nullptr && config->spec.mesh) {
    for (const auto& provider : config->spec.mesh->extensionProviders) known.push_back(provider.name);
  }
  world.each<api::AuthorizationPolicy>([&](const Resource& resource, const api::AuthorizationPolicy& policy) {
    const auto& name = policy.spec.provider;
    if (name.empty() || std::find(known.begin(), known.end(), name) != known.end()) return;
    report.add(Code::provider_not_found, resource, "spec.provider.name",
               "the mesh has no extension provider " + name + didYouMean(name, known) +
                   (known.empty() ? "" : ", it has " + listed(known, 9)) +
                   ": every request to the policy's workloads is denied",
               "add it to extensionProviders in ConfigMap " + mesh.rootNamespace + "/" + mesh.configMap +
                   ", or correct the name");
  });
}

}  // namespace

void checkPolicyReferences(const World& world, Reporter& report) {
  checkBindings(world, report);
  checkNamespaces(world, report);
  checkProviders(world, report);
}

}  // namespace fairway::analyze
