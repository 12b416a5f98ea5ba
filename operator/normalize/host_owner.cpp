#include "normalize/host_owner.h"

#include "api/core.h"
#include "api/service_entry.h"
#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

// As exportTo: names of namespaces, "." for the owner's own, "*"; nothing: all of them, as in Istio.
constexpr const char* kRoutesFrom = "networking.fairway.io/routesFrom";

template <class T>
std::string annotationOf(store::View& view, const std::string& ns, const std::string& name) {
  const auto* object = view.get<T>(ns, name);
  if (object == nullptr) return {};
  const auto found = object->meta.annotations.find(kRoutesFrom);
  return found == object->meta.annotations.end() ? std::string() : found->second;
}

std::vector<std::string> grantedBy(store::View& view, const model::Service& owner) {
  auto text = owner.kind == "ServiceEntry" ? annotationOf<api::ServiceEntry>(view, owner.ns, owner.name)
                                           : annotationOf<api::Service>(view, owner.ns, owner.name);
  if (text.empty()) text = annotationOf<api::Namespace>(view, {}, owner.ns);
  std::vector<std::string> namespaces;
  for (const auto& part : split(text, ',')) {
    if (const auto ns = trim(part); !ns.empty()) namespaces.emplace_back(ns);
  }
  return namespaces;
}

}  // namespace

bool mayRoute(store::View& view, const api::VirtualService& object, const std::string& host,
              const std::string& clientNs) {
  const auto& ns = object.meta.ns;
  if (ns == clientNs || ns == view.mesh().rootNamespace) return true;
  const auto& owner = view.ask(ServiceOf{host});
  if (!owner || owner->ns == ns || isVisible(grantedBy(view, *owner), owner->ns, ns)) return true;
  warning(view, provenanceOf(object), "spec.hosts",
          host + " belongs to namespace " + owner->ns + ", whose annotation " + kRoutesFrom + " does not name " + ns +
              ": these routes count for what " + ns + " sends alone; its owner may add " + ns + " to the annotation");
  return false;
}

}  // namespace fairway::normalize
