#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "api/core.h"
#include "api/ingress.h"
#include "normalize/ingress.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

void checkBackend(const World& world, const Resource& resource, const api::IngressSpec::Backend& backend,
                  const std::string& field, Reporter& report) {
  if (backend.service.empty()) return;  // another kind of backend, which the control plane's note tells
  const auto* service = serviceOf(world, store::resolveHost(backend.service, resource.ns, world.options().mesh));
  if (service == nullptr) {
    std::vector<std::string> known;
    for (const auto* other : world.of(api::Kind::service)) {
      if (other->ns == resource.ns) known.push_back(other->name);
    }
    report.add(Code::backend_not_found, resource, field + ".service.name",
               "there is no Service " + resource.ns + "/" + backend.service + didYouMean(backend.service, known) +
                   ": requests are answered with 503",
               "create it, or correct the name; it must be in the Ingress's namespace");
    return;
  }
  const auto& ports = service->ports;
  const bool found =
      backend.portName.empty()
          ? service->port(backend.port) != nullptr
          : std::any_of(ports.begin(), ports.end(), [&](const auto& port) { return port.name == backend.portName; });
  if (found) return;
  std::vector<std::string> names;
  for (const auto& port : ports) names.push_back(backend.portName.empty() ? std::to_string(port.number) : port.name);
  report.add(Code::backend_not_found, resource,
             field + ".service.port." + (backend.portName.empty() ? "number" : "name"),
             "Service " + resource.ns + "/" + backend.service + " has no port " +
                 (backend.portName.empty() ? std::to_string(backend.port) : backend.portName) + " (it has " +
                 (names.empty() ? "none" : listed(names, 9)) + "): requests are answered with 503",
             "use a port of the Service");
}

}  // namespace

void checkIngresses(const World& world, Reporter& report) {
  if (!world.knows(api::Kind::service)) return;
  const auto& settings = world.view().ask(normalize::MeshSettingsOf{});
  for (const auto* ingress : normalize::servedIngresses(world.view(), {{"istio", settings.ingressSelector}})) {
    const auto* resource = world.find(api::Kind::ingress, ingress->meta.ns, ingress->meta.name);
    if (resource == nullptr) continue;
    const auto& spec = ingress->spec;
    if (spec.defaultBackend) checkBackend(world, *resource, *spec.defaultBackend, "spec.defaultBackend", report);
    for (std::size_t i = 0; i < spec.rules.size(); ++i) {
      for (std::size_t k = 0; k < spec.rules[i].paths.size(); ++k) {
        checkBackend(world, *resource, spec.rules[i].paths[k].backend,
                     "spec.rules[" + std::to_string(i) + "].http.paths[" + std::to_string(k) + "].backend", report);
      }
    }
  }
}

}  // namespace fairway::analyze
