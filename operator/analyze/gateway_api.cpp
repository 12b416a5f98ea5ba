#include "api/gateway_api.h"
#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "api/core.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

using namespace api::gateway_api;

constexpr const char* kController = "istio.io/gateway-controller";

std::string namespaceOf(const Reference& to, const Resource& from) { return to.ns.empty() ? from.ns : to.ns; }

bool isService(const Reference& to) { return (to.group.empty() || to.group == "core") && to.kind == "Service"; }
bool isGateway(const Reference& to) { return to.group == kGroup && to.kind == "Gateway"; }
bool isSecret(const Reference& to) { return (to.group.empty() || to.group == "core") && to.kind == "Secret"; }

// Gateways of other controllers are their matter. A class that is not among the objects may be of the mesh's installation.
bool isOurs(const World& world, const std::string& className) {
  const auto* found = world.view().get<GatewayClass>("", className);
  return found != nullptr ? found->spec.controller == kController : className == "istio";
}

class References {
 public:
  References(const World& world, const Resource& resource, Reporter& report)
      : world_(world), resource_(resource), report_(report) {}

  // Whether a ReferenceGrant is needed and missing.
  bool refuses(const Reference& to, const std::string& field) {
    const auto ns = namespaceOf(to, resource_);
    if (ns == resource_.ns || !world_.knows(api::Kind::reference_grant)) return false;
    bool granted = false;
    world_.each<ReferenceGrant>([&](const Resource& at, const ReferenceGrant& grant) {
      if (at.ns != ns) return;
      const bool from = std::any_of(grant.spec.from.begin(), grant.spec.from.end(), [&](const Reference& each) {
        return each.group == resource_.group && each.kind == resource_.kind && each.ns == resource_.ns;
      });
      granted = granted ||
                (from && std::any_of(grant.spec.to.begin(), grant.spec.to.end(), [&](const Reference& each) {
                   return each.group == to.group && each.kind == to.kind && (each.name.empty() || each.name == to.name);
                 }));
    });
    if (granted) return false;
    report_.add(Code::not_granted, resource_, field,
                "it refers to " + to.kind + " " + ns + "/" + to.name + ", and no ReferenceGrant of namespace " + ns +
                    " allows that to a " + resource_.kind + " of namespace " + resource_.ns,
                "create a ReferenceGrant in namespace " + ns);
    return true;
  }

  void checkBackend(const Reference& to, std::uint32_t port, const std::string& field) {
    if (!isService(to) || !world_.knows(api::Kind::service) || refuses(to, field)) return;
    const auto ns = namespaceOf(to, resource_);
    const auto* service = serviceOf(world_, store::resolveHost(to.name, ns, world_.options().mesh));
    if (service == nullptr) {
      std::vector<std::string> known;
      for (const auto* other : world_.of(api::Kind::service)) {
        if (other->ns == ns) known.push_back(other->name);
      }
      report_.add(Code::route_backend_not_found, resource_, field + ".name",
                  "there is no Service " + ns + "/" + to.name + didYouMean(to.name, known) +
                      ": requests that are sent there are answered with 500",
                  "create it, or correct name and namespace");
      return;
    }
    if (port != 0 && service->port(port) != nullptr) return;
    std::vector<std::string> ports;
    for (const auto& each : service->ports) ports.push_back(std::to_string(each.number));
    report_.add(Code::route_backend_not_found, resource_, field + ".port",
                (port == 0 ? std::string("it names no port of") : "port " + std::to_string(port) + " is none of") +
                    " Service " + ns + "/" + to.name + ", which has " + (ports.empty() ? "none" : listed(ports, 9)) +
                    ": requests that are sent there are answered with 500",
                "use a port of the Service");
  }

  void checkSecret(const Reference& to, const std::string& field) {
    if (!isSecret(to) || !world_.knows(api::Kind::secret) || refuses(to, field)) return;
    const auto ns = namespaceOf(to, resource_);
    if (!world_.view().ask(normalize::SecretExists{ns, to.name})) {
      report_.add(Code::secret_not_found, resource_, field,
                  "there is no secret " + ns + "/" + to.name + ": the listener stays closed",
                  "kubectl create secret tls " + to.name + " -n " + ns + " --cert=FILE --key=FILE",
                  world_.options().cluster ? Severity::error : Severity::info);
    } else if (!world_.view().ask(normalize::CredentialOf{ns, to.name})) {
      report_.add(
          Code::bad_credential, resource_, field, "secret " + ns + "/" + to.name + " cannot be used",
          "kubectl create secret tls " + to.name + " -n " + ns + " --cert=FILE --key=FILE makes one as it should be");
    }
  }

  // Whether the route is for some Gateway or Service of the mesh.
  bool checkParents(const std::vector<ParentRef>& parents) {
    bool ours = false;
    for (std::size_t i = 0; i < parents.size(); ++i) {
      const auto& to = parents[i].object;
      const auto field = "spec.parentRefs[" + std::to_string(i) + "]";
      const auto ns = namespaceOf(to, resource_);
      if (isService(to)) {
        ours = true;
        const auto* service = serviceOf(world_, store::resolveHost(to.name, ns, world_.options().mesh));
        if (service == nullptr && world_.knows(api::Kind::service))
          missingParent("Service " + ns + "/" + to.name, field);
      } else if (isGateway(to)) {
        ours = checkGateway(ns, to.name, parents[i].sectionName, field) || ours;
      }
    }
    return ours;
  }

 private:
  void missingParent(const std::string& what, const std::string& field) {
    report_.add(Code::route_parent_not_found, resource_, field + ".name",
                "there is no " + what + ": the route is for nobody there", "create it, or correct name and namespace");
  }

  bool checkGateway(const std::string& ns, const std::string& name, const std::string& section,
                    const std::string& field) {
    const auto* gateway = world_.view().get<Gateway>(ns, name);
    if (gateway == nullptr) {
      if (world_.knows(api::Kind::kubernetes_gateway)) missingParent("Gateway " + ns + "/" + name, field);
      return true;
    }
    if (!isOurs(world_, gateway->spec.className)) return false;
    std::vector<std::string> names;
    for (const auto& listener : gateway->spec.listeners) names.push_back(listener.name);
    if (!section.empty() && std::find(names.begin(), names.end(), section) == names.end()) {
      report_.add(Code::route_parent_not_found, resource_, field + ".sectionName",
                  "Gateway " + ns + "/" + name + " has no listener " + section + didYouMean(section, names) +
                      ", it has " + listed(names, 9) + ": the route is for nobody there",
                  "use the name of a listener, or leave sectionName out");
    }
    return true;
  }

  const World& world_;
  const Resource& resource_;
  Reporter& report_;
};

template <class Route>
void checkRoutes(const World& world, Reporter& report) {
  world.each<Route>([&](const Resource& resource, const Route& route) {
    References references(world, resource, report);
    if (!references.checkParents(route.spec.parents)) return;
    for (std::size_t i = 0; i < route.spec.rules.size(); ++i) {
      const auto& backends = route.spec.rules[i].backends;
      for (std::size_t k = 0; k < backends.size(); ++k) {
        references.checkBackend(backends[k].object, backends[k].port,
                                "spec.rules[" + std::to_string(i) + "].backendRefs[" + std::to_string(k) + "]");
      }
    }
  });
}

}  // namespace

void checkGatewayApi(const World& world, Reporter& report) {
  checkRoutes<HttpRoute>(world, report);
  checkRoutes<GrpcRoute>(world, report);
  checkRoutes<TlsRoute>(world, report);
  checkRoutes<TcpRoute>(world, report);
  world.each<Gateway>([&](const Resource& resource, const Gateway& gateway) {
    if (!isOurs(world, gateway.spec.className)) return;
    References references(world, resource, report);
    for (std::size_t i = 0; i < gateway.spec.listeners.size(); ++i) {
      const auto& tls = gateway.spec.listeners[i].tls;
      if (!tls) continue;
      for (std::size_t k = 0; k < tls->certificates.size(); ++k) {
        references.checkSecret(tls->certificates[k], "spec.listeners[" + std::to_string(i) + "].tls.certificateRefs[" +
                                                         std::to_string(k) + "]");
      }
    }
  });
}

}  // namespace fairway::analyze
