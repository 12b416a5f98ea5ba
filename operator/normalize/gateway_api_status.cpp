#include "normalize/gateway_api_status.h"

#include <algorithm>
#include <array>

#include "api/core.h"
#include "api/validate.h"
#include "base/strings.h"
#include "normalize/backend_tls.h"
#include "normalize/gateway_api_attach.h"
#include "normalize/gateway_api_http.h"
#include "normalize/objects.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using api::Kind;
using api::gateway_api::BackendTlsPolicy;
using api::gateway_api::Gateway;
using api::gateway_api::GatewayClass;
using api::gateway_api::GrpcRoute;
using api::gateway_api::HttpRoute;
using api::gateway_api::TcpRoute;
using api::gateway_api::TlsRoute;
using model::GatewayApiStatus;
using model::StatusCondition;

constexpr const char* kMeshController = "istio.io/mesh-controller";

// Names of the conformance suite's features, sorted. Only what is tested here is among them.
constexpr std::array kFeatures = {"BackendTLSPolicy",
                                  "BackendTLSPolicySANValidation",
                                  "GRPCRoute",
                                  "GRPCRouteNamedRouteRule",
                                  "Gateway",
                                  "GatewayAddressEmpty",
                                  "GatewayFrontendClientCertificateValidation",
                                  "GatewayFrontendClientCertificateValidationInsecureFallback",
                                  "GatewayHTTPListenerIsolation",
                                  "GatewayHTTPSListenerDetectMisdirectedRequests",
                                  "GatewayInfrastructurePropagation",
                                  "GatewayPort8080",
                                  "GatewayStaticAddresses",
                                  "HTTPRoute",
                                  "HTTPRoute303RedirectStatusCode",
                                  "HTTPRoute307RedirectStatusCode",
                                  "HTTPRoute308RedirectStatusCode",
                                  "HTTPRouteBackendProtocolH2C",
                                  "HTTPRouteBackendProtocolWebSocket",
                                  "HTTPRouteBackendRequestHeaderModification",
                                  "HTTPRouteBackendTimeout",
                                  "HTTPRouteCORS",
                                  "HTTPRouteDestinationPortMatching",
                                  "HTTPRouteHostRewrite",
                                  "HTTPRouteMethodMatching",
                                  "HTTPRouteNamedRouteRule",
                                  "HTTPRouteParentRefPort",
                                  "HTTPRoutePathRedirect",
                                  "HTTPRoutePathRewrite",
                                  "HTTPRoutePortRedirect",
                                  "HTTPRouteQueryParamMatching",
                                  "HTTPRouteRequestMirror",
                                  "HTTPRouteRequestMultipleMirrors",
                                  "HTTPRouteRequestPercentageMirror",
                                  "HTTPRouteRequestTimeout",
                                  "HTTPRouteResponseHeaderModification",
                                  "HTTPRouteRetry",
                                  "HTTPRouteRetryBackendTimeout",
                                  "HTTPRouteRetryConnectionError",
                                  "HTTPRouteSchemeRedirect",
                                  "Mesh",
                                  "MeshConsumerRoute",
                                  "MeshHTTPRouteBackendRequestHeaderModification",
                                  "MeshHTTPRouteNamedRouteRule",
                                  "MeshHTTPRouteQueryParamMatching",
                                  "MeshHTTPRouteRedirectPath",
                                  "MeshHTTPRouteRedirectPort",
                                  "MeshHTTPRouteRewritePath",
                                  "MeshHTTPRouteSchemeRedirect",
                                  "ReferenceGrant",
                                  "TCPRoute",
                                  "TLSRoute",
                                  "TLSRouteModeMixed",
                                  "TLSRouteModeTerminate"};

StatusCondition condition(std::string type, const Fault& fault, std::string reason, std::string message = {}) {
  const bool holds = fault.ok();
  return {std::move(type), holds, holds ? std::move(reason) : fault.reason, holds ? std::move(message) : fault.message};
}

GatewayApiStatus statusOf(const api::Object& object, std::string kind) {
  GatewayApiStatus status;
  status.kind = std::move(kind);
  status.ns = object.meta.ns;
  status.name = object.meta.name;
  status.generation = object.meta.generation;
  return status;
}

// --- GatewayClass, Gateway -----------------------------------------------------------------------

GatewayApiStatusOf::Value classStatus(store::View& view, const std::string& name) {
  const auto* object = view.get<GatewayClass>("", name);
  if (object == nullptr || object->spec.controller != kGatewayController) return std::nullopt;
  auto status = statusOf(*object, "GatewayClass");
  Fault fault;
  if (!object->valid()) fault = {"InvalidParameters", "the object has errors"};
  if (object->spec.parameters) fault = {"InvalidParameters", "parametersRef is not supported, expected none"};
  status.conditions.push_back(condition("Accepted", fault, "Accepted", "its Gateways are served"));
  status.features.assign(kFeatures.begin(), kFeatures.end());
  return status;
}

void addAddress(std::vector<GatewayApiStatus::Address>& to, const std::string& value) {
  GatewayApiStatus::Address address{api::isIp(value) ? "IPAddress" : "Hostname", value};
  if (std::find(to.begin(), to.end(), address) == to.end()) to.push_back(std::move(address));
}

// Under which the Gateway is reached, and why there is none.
Fault addAddresses(store::View& view, const Gateway& gateway, const KubernetesGateway::Value& value,
                   std::vector<GatewayApiStatus::Address>& to) {
  Fault missing;
  for (const auto& host : value.services) {
    const auto& service = view.ask(ServiceOf{host});
    const auto* object =
        service && service->kind == "Service" ? view.get<api::Service>(service->ns, service->name) : nullptr;
    if (object == nullptr) {
      if (missing.ok()) missing = {"AddressNotAssigned", "there is no Service " + host + " yet"};
      continue;
    }
    if (object->spec.type != "LoadBalancer") {
      addAddress(to, host);
      continue;
    }
    for (const auto& address : object->spec.loadBalancer) addAddress(to, address);
    if (object->spec.loadBalancer.empty() && missing.ok()) {
      missing = {"AddressNotAssigned",
                 "Service " + object->meta.key().toString() + " has no load balancer's address yet"};
    }
  }
  for (const auto& wanted : gateway.spec.addresses) {
    if (!value.managed || wanted.value.empty()) continue;
    const bool assigned =
        std::any_of(to.begin(), to.end(), [&](const auto& address) { return address.value == wanted.value; });
    if (!assigned) {
      return {"AddressNotUsable", "the address " + wanted.value +
                                      " is not assigned: the Service asks for the first of spec.addresses, and has " +
                                      std::string(to.empty() ? "none" : "another")};
    }
  }
  if (!to.empty()) return {};
  if (missing.ok()) missing = {"AddressNotAssigned", "spec.addresses names no Service"};
  return missing;
}

template <class Route>
void count(store::View& view, const Gateway& gateway, const KubernetesGateway::Value& value,
           std::vector<std::uint32_t>& counts) {
  for (const auto& attached : attachedTo<Route>(view, gateway, value)) {
    if (faultsOf(view, *attached.route).all) continue;
    for (const auto i : attached.listeners) ++counts.at(i);
  }
}

GatewayApiStatusOf::Value gatewayStatus(store::View& view, const std::string& ns, const std::string& name) {
  const auto& value = view.ask(KubernetesGateway{ns, name});
  const auto* object = view.get<Gateway>(ns, name);
  if (object == nullptr || !value.ours) return std::nullopt;
  auto status = statusOf(*object, "Gateway");
  std::vector<std::uint32_t> counts(value.listeners.size());
  count<HttpRoute>(view, *object, value, counts);
  count<GrpcRoute>(view, *object, value, counts);
  count<TlsRoute>(view, *object, value, counts);
  count<TcpRoute>(view, *object, value, counts);

  const bool any = std::any_of(value.listeners.begin(), value.listeners.end(),
                               [](const auto& listener) { return listener.accepted.ok(); });
  StatusCondition accepted = condition("Accepted", value.accepted, "Accepted", "it is served");
  // Some listeners are enough, but it is told that others are not served.
  if (value.accepted.reason == "ListenersNotValid") accepted.holds = any;
  const auto missing = addAddresses(view, *object, value, status.addresses);
  const Fault programmed = accepted.holds ? missing : Fault{"Invalid", "it is not accepted"};
  status.conditions.push_back(accepted);
  status.conditions.push_back(condition("Programmed", programmed, "Programmed", "its proxies are told of it"));
  if (value.insecureClients) {
    status.conditions.push_back({"InsecureFrontendValidationMode", true, "ConfigurationChanged",
                                 "AllowInsecureFallback: clients without a valid certificate are let in"});
  }
  for (std::size_t i = 0; i < value.listeners.size(); ++i) {
    const auto& from = value.listeners[i];
    GatewayApiStatus::Listener to;
    to.name = from.name;
    to.kinds = from.kinds;
    to.attachedRoutes = counts[i];
    to.conditions.push_back(condition("Accepted", from.accepted, "Accepted"));
    const bool conflicted = !from.conflicted.ok();
    to.conditions.push_back({"Conflicted", conflicted, conflicted ? from.conflicted.reason : "NoConflicts",
                             conflicted ? from.conflicted.message : ""});
    to.conditions.push_back(condition("ResolvedRefs", from.resolved, "ResolvedRefs"));
    const Fault unserved = from.served ? Fault{} : Fault{"Invalid", "the listener is not served"};
    to.conditions.push_back(condition("Programmed", unserved, "Programmed"));
    status.listeners.push_back(std::move(to));
  }
  return status;
}

// --- Routes --------------------------------------------------------------------------------------

Fault meshFault(store::View& view, const api::Object& route, const api::gateway_api::ParentRef& parent) {
  const auto ns = namespaceOf(parent.object, route);
  const auto& service = view.ask(ServiceOf{store::resolveHost(parent.object.name, ns, view.mesh())});
  if (!service || service->kind != "Service") {
    return {"NoMatchingParent", "there is no Service " + ns + "/" + parent.object.name};
  }
  if (parent.port != 0 && service->port(parent.port) == nullptr) {
    return {"NoMatchingParent",
            "Service " + ns + "/" + parent.object.name + " has no port " + std::to_string(parent.port)};
  }
  return {};
}

template <class Route>
GatewayApiStatusOf::Value routeStatus(store::View& view, const std::string& ns, const std::string& name) {
  const auto* route = view.get<Route>(ns, name);
  if (route == nullptr) return std::nullopt;
  auto status = statusOf(*route, std::string(provenanceOf(*route).kind));
  const auto faults = faultsOf(view, *route);
  constexpr bool kHttp = std::is_same_v<Route, HttpRoute> || std::is_same_v<Route, GrpcRoute>;
  for (std::size_t i = 0; i < route->spec.parents.size(); ++i) {
    const auto& parent = route->spec.parents[i];
    GatewayApiStatus::Parent to{parent.object.group, parent.object.kind, parent.object.ns,   parent.object.name,
                                parent.sectionName,  parent.port,        kGatewayController, {}};
    Fault accepted;
    if (isServiceParent(parent) && kHttp) {
      to.controller = kMeshController;
      accepted = meshFault(view, *route, parent);
    } else if (parent.object.group == api::gateway_api::kGroup && parent.object.kind == "Gateway") {
      const auto parentNs = namespaceOf(parent.object, *route);
      const auto& value = view.ask(KubernetesGateway{parentNs, parent.object.name});
      const auto* gateway = view.get<Gateway>(parentNs, parent.object.name);
      if (gateway == nullptr || !value.ours) continue;
      accepted = attach(view, viewOf(*route), i, *gateway, value).accepted;
    } else {
      continue;
    }
    if (!accepted.ok()) {
      error(view, provenanceOf(*route), "spec.parentRefs[" + std::to_string(i) + "]",
            accepted.message + ": the route does not apply there");
    }
    if (accepted.ok() && faults.all) accepted = faults.accepted;
    to.conditions.push_back(condition("Accepted", accepted, "Accepted"));
    to.conditions.push_back(condition("ResolvedRefs", faults.resolved, "ResolvedRefs"));
    if (!faults.accepted.ok() && !faults.all) {
      to.conditions.push_back({"PartiallyInvalid", true, faults.accepted.reason, faults.accepted.message});
    }
    status.parents.push_back(std::move(to));
  }
  return status;
}

// --- BackendTLSPolicy ----------------------------------------------------------------------------

// Where the policy has an effect, another decides.
Fault conflictOf(store::View& view, const BackendTlsPolicy& policy) {
  for (const auto& target : policy.spec.targets) {
    const auto* winner = backendTlsPolicy(view, policy.meta.ns, target.object.name, target.sectionName);
    if (winner == nullptr || winner == &policy) return {};
    const bool same = std::any_of(winner->spec.targets.begin(), winner->spec.targets.end(),
                                  [&](const auto& other) { return other == target; });
    if (!same) return {};
  }
  return policy.spec.targets.empty() ? Fault{} : Fault{"Conflicted", "an older policy decides for each of the targets"};
}

GatewayApiStatusOf::Value policyStatus(store::View& view, const std::string& ns, const std::string& name) {
  const auto* policy = view.get<BackendTlsPolicy>(ns, name);
  if (policy == nullptr) return std::nullopt;
  auto status = statusOf(*policy, "BackendTLSPolicy");
  auto faults = faultsOf(view, *policy);
  if (faults.accepted.ok()) faults.accepted = conflictOf(view, *policy);
  for (const auto& gateway : view.names<Gateway>()) {
    const auto& services = view.ask(GatewayBackends{gateway.ns, gateway.name});
    const bool concerned =
        std::any_of(policy->spec.targets.begin(), policy->spec.targets.end(), [&](const auto& target) {
          return target.object.group.empty() && target.object.kind == "Service" &&
                 services.contains(ns + "/" + target.object.name);
        });
    if (!concerned) continue;
    GatewayApiStatus::Parent to{api::gateway_api::kGroup, "Gateway", gateway.ns, gateway.name, "", 0,
                                kGatewayController,       {}};
    to.conditions.push_back(condition("Accepted", faults.accepted, "Accepted"));
    to.conditions.push_back(condition("ResolvedRefs", faults.resolved, "ResolvedRefs"));
    status.parents.push_back(std::move(to));
  }
  return status;
}

template <class Route>
void addBackends(store::View& view, const Gateway& gateway, const KubernetesGateway::Value& value,
                 GatewayBackends::Value& to) {
  for (const auto& attached : attachedTo<Route>(view, gateway, value)) {
    for (const auto& rule : attached.route->spec.rules) {
      for (const auto& backend : rule.backends) {
        if (backend.object.group.empty() && backend.object.kind == "Service") {
          to.insert(namespaceOf(backend.object, *attached.route) + "/" + backend.object.name);
        }
      }
    }
  }
}

template <class T>
void addStatuses(store::View& view, std::vector<GatewayApiStatus>& to) {
  for (const auto& name : view.names<T>()) {
    if (const auto& status = view.ask(GatewayApiStatusOf{T::kKind, name.ns, name.name})) to.push_back(*status);
  }
}

}  // namespace

std::string GatewayApiStatusOf::key() const {
  return store::joinKey({std::to_string(static_cast<int>(kind)), ns, name});
}
GatewayApiStatusOf GatewayApiStatusOf::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {static_cast<Kind>(toNumber(fields.at(0)).value_or(0)), fields.at(1), fields.at(2)};
}

GatewayBackends GatewayBackends::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

GatewayBackends::Value gatewayBackends(store::View& view, const GatewayBackends& query) {
  GatewayBackends::Value result;
  const auto& value = view.ask(KubernetesGateway{query.ns, query.name});
  const auto* gateway = view.get<Gateway>(query.ns, query.name);
  if (gateway == nullptr || !value.ours) return result;
  addBackends<HttpRoute>(view, *gateway, value, result);
  addBackends<GrpcRoute>(view, *gateway, value, result);
  addBackends<TlsRoute>(view, *gateway, value, result);
  addBackends<TcpRoute>(view, *gateway, value, result);
  return result;
}

GatewayApiStatusOf::Value gatewayApiStatusOf(store::View& view, const GatewayApiStatusOf& query) {
  switch (query.kind) {
    case Kind::gateway_class: return classStatus(view, query.name);
    case Kind::kubernetes_gateway: return gatewayStatus(view, query.ns, query.name);
    case Kind::http_route: return routeStatus<HttpRoute>(view, query.ns, query.name);
    case Kind::grpc_route: return routeStatus<GrpcRoute>(view, query.ns, query.name);
    case Kind::tls_route: return routeStatus<TlsRoute>(view, query.ns, query.name);
    case Kind::tcp_route: return routeStatus<TcpRoute>(view, query.ns, query.name);
    case Kind::backend_tls_policy: return policyStatus(view, query.ns, query.name);
    default: return std::nullopt;
  }
}

GatewayApiWanted::Value gatewayApiWanted(store::View& view, const GatewayApiWanted&) {
  GatewayApiWanted::Value result;
  addStatuses<GatewayClass>(view, result.statuses);
  addStatuses<Gateway>(view, result.statuses);
  addStatuses<HttpRoute>(view, result.statuses);
  addStatuses<GrpcRoute>(view, result.statuses);
  addStatuses<TlsRoute>(view, result.statuses);
  addStatuses<TcpRoute>(view, result.statuses);
  addStatuses<BackendTlsPolicy>(view, result.statuses);
  for (const auto& name : view.names<Gateway>()) {
    if (const auto& made = view.ask(GatewayDeploymentOf{name.ns, name.name})) result.deployments.push_back(*made);
  }
  return result;
}

}  // namespace fairway::normalize
