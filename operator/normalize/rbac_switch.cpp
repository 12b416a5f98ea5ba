#include <algorithm>

#include "api/security.h"
#include "normalize/objects.h"
#include "normalize/rbac_v1alpha1.h"

namespace fairway::normalize {

namespace {

using Spec = api::RbacConfigSpec;

std::vector<std::string> sorted(std::vector<std::string> list) {
  std::sort(list.begin(), list.end());
  return list;
}

// A config that cannot be read leaves RBAC on, for everything that it does not clearly exempt.
RbacSwitch::Value evaluate(store::View& view, const api::Object& object, const Spec& spec) {
  using Mode = RbacSwitch::Mode;
  RbacSwitch::Value value;
  const Errors errors(object);
  value.enforced = !spec.permissive;
  const bool unreadable = errors.outside({"spec.exclusion", "spec.enforcementMode", "spec.enforcement_mode"});
  if (unreadable) {
    error(view, provenanceOf(object), "spec", "the config has errors: RBAC is on for all services");
    value.mode = Mode::on;
    value.enforced = true;
    return value;
  }
  if (errors.any()) {
    error(view, provenanceOf(object), "spec",
          "the config has errors: RBAC is enforced, and only what could be read of the exclusion is exempt");
    value.enforced = true;
  }
  const Spec::Target* target = nullptr;
  switch (spec.mode) {
    case Spec::Mode::off: value.mode = Mode::off; break;
    case Spec::Mode::on: value.mode = Mode::on; break;
    case Spec::Mode::on_with_inclusion:
      value.mode = Mode::on_with_inclusion;
      target = &spec.inclusion;
      break;
    case Spec::Mode::on_with_exclusion:
      value.mode = Mode::on_with_exclusion;
      target = &spec.exclusion;
      break;
  }
  if (target != nullptr) {
    value.services = sorted(target->services);
    value.namespaces = sorted(target->namespaces);
  }
  return value;
}

}  // namespace

bool RbacSwitch::Value::covers(std::string_view host, std::string_view ns) const {
  const auto contains = [](const std::vector<std::string>& list, std::string_view text) {
    return std::find(list.begin(), list.end(), text) != list.end();
  };
  const bool listed = contains(namespaces, ns) || (!host.empty() && contains(services, host));
  switch (mode) {
    case Mode::off: return false;
    case Mode::on: return true;
    case Mode::on_with_inclusion: return listed;
    case Mode::on_with_exclusion: return !listed;
  }
  return true;
}

RbacSwitch::Value rbacSwitch(store::View& view, const RbacSwitch&) {
  const auto* cluster = view.get<api::ClusterRbacConfig>("", "default");
  // The CRD of RbacConfig is namespaced, but it always spoke for the whole mesh (v1alpha1.md section 0).
  auto configs = view.listAll<api::RbacConfig>();
  std::erase_if(configs, [](const auto* config) { return config->meta.name != "default"; });
  sortOldestFirst(configs);
  for (const auto* config : configs) {
    if (cluster == nullptr && config == configs.front()) continue;
    const auto winner = cluster != nullptr ? provenanceOf(*cluster) : provenanceOf(*configs.front());
    warning(view, provenanceOf(*config), "spec",
            "it has no effect: " + winner.toString() + " decides for the whole mesh");
  }
  if (cluster != nullptr) return evaluate(view, *cluster, cluster->spec);
  if (!configs.empty()) return evaluate(view, *configs.front(), configs.front()->spec);
  return {};
}

BindingCheck::Value bindingCheck(store::View& view, const BindingCheck& query) {
  for (const auto* binding : view.list<api::ServiceRoleBinding>(query.ns)) {
    const auto& role = binding->spec.roleName;
    if (role.empty() || view.get<api::ServiceRole>(query.ns, role) != nullptr) continue;
    error(view, provenanceOf(*binding), "spec.roleRef.name",
          "there is no ServiceRole \"" + role + "\" in namespace " + query.ns + ": the binding allows nothing");
  }
  return {};
}

}  // namespace fairway::normalize
