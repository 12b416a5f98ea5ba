#include "migrate/convert.h"

#include <algorithm>

#include "api/core.h"
#include "normalize/alpha_policy.h"
#include "normalize/authorization_policy.h"

namespace fairway::migrate {

namespace {

bool isMigrated(const Context& context, const std::string& ns) {
  return std::find(context.namespaces.begin(), context.namespaces.end(), ns) != context.namespaces.end();
}

// A Service as it would be if nobody had annotated its ports (normalize/alpha_policy.h), any other object as it is.
api::ObjectPtr withoutPortAnnotations(const api::ObjectPtr& object) {
  const auto isOne = [](const auto& entry) { return entry.first.starts_with(normalize::kPortAnnotation); };
  const auto& annotations = object->meta.annotations;
  if (object->kind != api::Kind::service || std::none_of(annotations.begin(), annotations.end(), isOne)) return object;
  auto copy = std::make_shared<api::Service>(static_cast<const api::Service&>(*object));
  std::erase_if(copy->meta.annotations, isOne);
  return copy;
}

}  // namespace

bool isMigrated(const Context& context, const api::Object& object) {
  switch (object.kind) {
    case api::Kind::policy:
    case api::Kind::service_role:
    case api::Kind::service_role_binding: return isMigrated(context, object.meta.ns);
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
  for (auto& object : result) {
    if (isMigrated(context, object->meta.ns)) object = withoutPortAnnotations(object);
  }
  for (auto& object : output.objects()) result.push_back(std::move(object));
  return result;
}

bool decidedByNewPolicies(const Context& context, const WorkloadClass& workload) {
  return normalize::policyFilters(context.before, {workload.ns, workload.labels, workload.serviceAccount, 0}).decides;
}

}  // namespace fairway::migrate
