#include "normalize/checks.h"

#include <set>

#include "api/networking.h"
#include "api/security.h"
#include "api/service_entry.h"
#include "normalize/delegates.h"
#include "normalize/internal_queries.h"
#include "normalize/objects.h"
#include "normalize/queries.h"
#include "normalize/service_entries.h"
#include "normalize/workload_entries.h"
#include "store/indexes.h"

namespace fairway::normalize {

ReferenceChecks::Value referenceChecks(store::View& view, const ReferenceChecks& /*query*/) {
  for (const auto& name : view.names<api::VirtualService>()) {
    view.ask(GatewayReferenceCheck{name.ns, name.name});
    view.ask(DelegateCheck{name.ns, name.name});
  }
  std::set<std::string> namespaces;
  for (const auto& name : view.names<api::ServiceRoleBinding>()) namespaces.insert(name.ns);
  for (const auto& ns : namespaces) view.ask(BindingCheck{ns});
  for (const auto& name : view.names<api::ServiceEntry>()) view.ask(ServiceEntryCheck{name.ns, name.name});
  for (const auto& name : view.names<api::WorkloadEntry>()) view.ask(WorkloadEntryCheck{name.ns, name.name});
  view.ask(MeshSettingsOf{});
  return {};
}

GatewayReferenceCheck GatewayReferenceCheck::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

GatewayReferenceCheck::Value gatewayReferenceCheck(store::View& view, const GatewayReferenceCheck& query) {
  const auto* object = view.get<api::VirtualService>(query.ns, query.name);
  if (object == nullptr) return {};
  for (std::size_t i = 0; i < object->spec.gateways.size(); ++i) {
    const auto& written = object->spec.gateways[i];
    const auto resolved = store::resolveGateway(written, query.ns);
    const auto slash = resolved.find('/');
    if (slash == std::string::npos) continue;  // "mesh"
    if (view.get<api::Gateway>(resolved.substr(0, slash), resolved.substr(slash + 1)) != nullptr) continue;
    warning(view, provenanceOf(*object), "spec.gateways[" + std::to_string(i) + "]",
            "there is no Gateway " + resolved + " (found '" + written +
                "'): the routes apply to no gateway until it exists; a Gateway of another namespace is written "
                "namespace/name");
  }
  return {};
}

}  // namespace fairway::normalize
