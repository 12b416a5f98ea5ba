#include "normalize/gateway_api_refs.h"

#include <algorithm>

#include "api/codec.h"
#include "api/core.h"
#include "api/mesh_config.h"
#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "normalize/tls_material.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::Reference;
using api::gateway_api::ReferenceGrant;

std::string text(const Reference& to, const std::string& ns) { return to.kind + " " + ns + "/" + to.name; }

// The name of a cluster that there never is: the backend may well have one that others may use.
constexpr const char* kNowhere = "missing-backend.invalid";

Backend failed(Backend backend, std::string reason, std::string message) {
  backend.destination.host = kNowhere;
  backend.destination.missing = true;
  backend.fault = {std::move(reason), std::move(message)};
  return backend;
}

// A route of the mesh changes how its clients reach a Service, and may lead to that Service itself. At gateways this would
// open the Service to others.
bool isOwnParent(const api::Object& route, const std::string& name, const std::string& ns) {
  const std::vector<api::gateway_api::ParentRef>* parents = nullptr;
  if (route.kind == api::Kind::http_route) {
    parents = &static_cast<const api::gateway_api::HttpRoute&>(route).spec.parents;
  } else if (route.kind == api::Kind::grpc_route) {
    parents = &static_cast<const api::gateway_api::GrpcRoute&>(route).spec.parents;
  } else {
    return false;
  }
  const auto isService = [](const auto& parent) {
    return parent.object.group.empty() && parent.object.kind == "Service";
  };
  return std::all_of(parents->begin(), parents->end(), isService) &&
         std::any_of(parents->begin(), parents->end(), [&](const auto& parent) {
           return parent.object.name == name && namespaceOf(parent.object, route) == ns;
         });
}

}  // namespace

bool isGranted(store::View& view, const api::Object& from, const Reference& to) {
  const auto ns = namespaceOf(to, from);
  if (ns == from.meta.ns) return true;
  const auto& info = api::kindInfo(from.kind);
  const auto grants = view.list<ReferenceGrant>(ns);
  return std::any_of(grants.begin(), grants.end(), [&](const ReferenceGrant* grant) {
    const auto& spec = grant->spec;
    return grant->valid() &&
           std::any_of(spec.from.begin(), spec.from.end(),
                       [&](const Reference& who) {
                         return who.group == info.group && who.kind == info.name && who.ns == from.meta.ns;
                       }) &&
           std::any_of(spec.to.begin(), spec.to.end(), [&](const Reference& what) {
             return what.group == to.group && what.kind == to.kind && (what.name.empty() || what.name == to.name);
           });
  });
}

Backend backendOf(store::View& view, const api::Object& route, const Reference& to, std::uint32_t port,
                  const std::string& clientNs) {
  Backend backend;
  const auto ns = namespaceOf(to, route);
  backend.destination.port = port;
  const bool hostname = to.group == "networking.istio.io" && to.kind == "Hostname";
  const bool service = to.group.empty() && to.kind == "Service";
  backend.destination.host = service ? store::resolveHost(to.name, ns, view.mesh()) : toLower(to.name);
  if (!service && !hostname) {
    return failed(std::move(backend), "InvalidKind",
                  "a backend of kind " + to.kind + (to.group.empty() ? "" : "." + to.group) +
                      " is not supported, expected a Service");
  }
  if (service && !isGranted(view, route, to) && !isOwnParent(route, to.name, ns)) {
    return failed(std::move(backend), "RefNotPermitted",
                  "no ReferenceGrant in namespace " + ns + " lets " + std::string(api::kindInfo(route.kind).name) +
                      "s of namespace " + route.meta.ns + " refer to " + text(to, ns));
  }
  const auto& found = view.ask(ServiceOf{backend.destination.host});
  if (!found || !isVisible(found->exportTo, found->ns, clientNs)) {
    return failed(std::move(backend), "BackendNotFound", "there is no " + text(to, ns));
  }
  if (port == 0 && found->ports.size() == 1) backend.destination.port = found->ports.front().number;
  if (backend.destination.port == 0) {
    return failed(std::move(backend), "UnsupportedValue", "port is missing, expected a port of " + text(to, ns));
  }
  if (found->port(backend.destination.port) == nullptr) {
    return failed(std::move(backend), "BackendNotFound", text(to, ns) + " has no port " + std::to_string(port));
  }
  return backend;
}

Roots rootsOf(store::View& view, const api::Object& from, const std::vector<Reference>& refs) {
  Roots roots;
  const auto fail = [&](std::string reason, std::string message) {
    if (roots.fault.ok()) roots.fault = {std::move(reason), std::move(message)};
  };
  for (const auto& ref : refs) {
    const auto ns = namespaceOf(ref, from);
    const bool map = ref.group.empty() && ref.kind == "ConfigMap";
    const bool secret = ref.group.empty() && ref.kind == "Secret";
    if (!map && !secret) {
      fail("InvalidKind", "CA certificates of kind " + ref.kind + " are not supported, expected ConfigMap or Secret");
      continue;
    }
    if (!isGranted(view, from, ref)) {
      fail("RefNotPermitted", "no ReferenceGrant in namespace " + ns + " allows the reference to " + text(ref, ns));
      continue;
    }
    std::string pem;
    bool exists = false;
    if (map) {
      const auto* object = view.get<api::ConfigMap>(ns, ref.name);
      exists = object != nullptr;
      if (exists) pem = object->spec.caCertificates;
    } else {
      const auto* object = view.get<api::Secret>(ns, ref.name);
      exists = object != nullptr;
      if (exists) pem = object->spec.caCertificates;
    }
    if (pem.empty()) {
      fail("InvalidCACertificateRef",
           exists ? text(ref, ns) + " has no ca.crt" : "there is no " + text(ref, ns) + ", expected one with ca.crt");
    } else if (const auto problem = rootsProblem(pem)) {
      fail("InvalidCACertificateRef", text(ref, ns) + ": " + *problem);
    } else {
      if (!roots.pem.empty() && !roots.pem.ends_with('\n')) roots.pem += '\n';
      roots.pem += pem;
    }
  }
  return roots;
}

}  // namespace fairway::normalize
