#include "migrate/convert.h"

#include <algorithm>

#include "normalize/authorization_policy.h"

namespace fairway::migrate {

bool isMigrated(const Context& context, const api::Object& object) {
  switch (object.kind) {
    case api::Kind::policy:
    case api::Kind::service_role:
    case api::Kind::service_role_binding:
      return std::find(context.namespaces.begin(), context.namespaces.end(), object.meta.ns) !=
             context.namespaces.end();
    // It speaks for the mesh, in whatever namespace it is.
    case api::Kind::rbac_config:
    case api::Kind::cluster_rbac_config:
    case api::Kind::mesh_policy: return context.wholeMesh;
    default: return false;
  }
}

std::vector<api::ObjectPtr> objectsAfter(const std::vector<api::ObjectPtr>& before, const Context& context,
                                         const Output& output) {
  auto result = before;
  std::erase_if(result, [&](const api::ObjectPtr& object) { return isMigrated(context, *object); });
  for (auto& object : output.objects()) result.push_back(std::move(object));
  return result;
}

bool decidedByNewPolicies(const Context& context, const WorkloadClass& workload) {
  return normalize::policyFilters(context.before, {workload.ns, workload.labels, workload.serviceAccount, 0}).decides;
}

}  // namespace fairway::migrate
