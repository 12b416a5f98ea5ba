#include "normalize/gateway_api_listeners.h"

#include <algorithm>
#include <set>

#include "api/mesh_config.h"
#include "base/strings.h"
#include "normalize/objects.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::Gateway;
using api::gateway_api::GatewayClass;
using Spec = api::gateway_api::GatewaySpec;
using Listener = KubernetesGateway::Listener;

// Served although no GatewayClass of this name may be there: the leader makes it, files need none.
constexpr const char* kClass = "istio";
constexpr const char* kRulePrefix = "listeners[";

bool isOurs(store::View& view, const std::string& className) {
  if (const auto* object = view.get<GatewayClass>("", className)) return object->spec.controller == kGatewayController;
  return className == kClass;
}

std::vector<std::string> kindsOf(const std::string& protocol) {
  if (protocol == "HTTP" || protocol == "HTTPS") return {"HTTPRoute", "GRPCRoute"};
  if (protocol == "TLS") return {"TLSRoute"};
  if (protocol == "TCP") return {"TCPRoute"};
  return {};
}

enum class Use { http, tls, tcp };
Use useOf(const std::string& protocol) {
  if (protocol == "HTTP") return Use::http;
  return protocol == "TCP" ? Use::tcp : Use::tls;
}

class ListenerReader {
 public:
  ListenerReader(store::View& view, const Gateway& gateway, std::size_t index)
      : view_(view), gateway_(gateway), from_(gateway.spec.listeners[index]), index_(index) {}

  Listener read() {
    to_.name = from_.name;
    to_.protocol = from_.protocol;
    to_.port = from_.port;
    to_.hostname = from_.hostname.empty() || from_.protocol == "TCP" ? "*" : from_.hostname;
    readKinds();
    if (Errors(gateway_).atItem("spec.listeners", index_)) {
      to_.accepted = {"UnsupportedValue", "the listener has errors"};
      return std::move(to_);
    }
    if (kindsOf(from_.protocol).empty()) {
      to_.accepted = {"UnsupportedProtocol",
                      "protocol " + from_.protocol + " is not supported, expected HTTP, HTTPS, TLS or TCP"};
      return std::move(to_);
    }
    readTls();
    to_.served = to_.accepted.ok() && (useOf(from_.protocol) != Use::tls || to_.tls);
    return std::move(to_);
  }

 private:
  void readKinds() {
    const auto supported = kindsOf(from_.protocol);
    if (from_.kinds.empty()) to_.kinds = supported;
    for (const auto& kind : from_.kinds) {
      const bool known = kind.group == api::gateway_api::kGroup &&
                         std::find(supported.begin(), supported.end(), kind.kind) != supported.end();
      if (known) {
        to_.kinds.push_back(kind.kind);
      } else {
        unresolved("InvalidRouteKinds", "routes of kind " + kind.kind + (kind.group.empty() ? "" : "." + kind.group) +
                                            " cannot be attached to a listener with protocol " + from_.protocol);
      }
    }
  }

  void unresolved(std::string reason, std::string message) {
    if (to_.resolved.ok()) to_.resolved = {std::move(reason), std::move(message)};
  }

  void readTls() {
    if (useOf(from_.protocol) != Use::tls) {
      if (from_.tls) to_.accepted = {"UnsupportedValue", "tls is set, but protocol " + from_.protocol + " has none"};
      return;
    }
    model::GatewayTls tls;
    tls.credentialField = "tls.certificateRefs";
    if (from_.tls && from_.tls->passthrough) {
      if (from_.protocol == "HTTPS") {
        to_.accepted = {"UnsupportedValue", "tls.mode is Passthrough, expected Terminate, or protocol TLS"};
        return;
      }
      tls.mode = model::GatewayTls::Mode::passthrough;
      to_.tls = std::move(tls);
      return;
    }
    if (!from_.tls || from_.tls->certificates.empty()) {
      unresolved("InvalidCertificateRef", "tls.certificateRefs is empty, expected a Secret with tls.crt and tls.key");
      return;
    }
    readCertificates(tls);
    readClients(tls);
    if (!tls.credentials.empty() && to_.accepted.ok()) to_.tls = std::move(tls);
  }

  void readCertificates(model::GatewayTls& tls) {
    for (const auto& ref : from_.tls->certificates) {
      const auto ns = namespaceOf(ref, gateway_);
      if (!ref.group.empty() || ref.kind != "Secret") {
        unresolved("InvalidCertificateRef",
                   "a certificate of kind " + ref.kind + " is not supported, expected a Secret");
      } else if (!isGranted(view_, gateway_, ref)) {
        unresolved("RefNotPermitted", "no ReferenceGrant in namespace " + ns + " lets Gateways of namespace " +
                                          gateway_.meta.ns + " refer to Secret " + ns + "/" + ref.name);
      } else if (!view_.ask(CredentialOf{ns, ref.name})) {
        unresolved("InvalidCertificateRef",
                   view_.ask(SecretExists{ns, ref.name})
                       ? "Secret " + ns + "/" + ref.name + " holds no certificate and key that can be used"
                       : "there is no Secret " + ns + "/" + ref.name + ", expected one with tls.crt and tls.key");
      } else {
        tls.credentials.push_back({ns, ref.name});
      }
    }
  }

  void readClients(model::GatewayTls& tls) {
    const Spec::ClientValidation* validation = nullptr;
    for (const auto& candidate : gateway_.spec.clientValidations) {
      if (candidate.port == from_.port || (candidate.port == 0 && validation == nullptr)) validation = &candidate;
    }
    if (validation == nullptr || (validation->roots.empty() && validation->port != 0)) return;
    const auto roots = rootsOf(view_, gateway_, validation->roots);
    if (!roots.fault.ok()) {
      unresolved(roots.fault.reason == "InvalidKind" ? "InvalidCACertificateKind" : roots.fault.reason,
                 roots.fault.message);
    }
    if (roots.pem.empty()) {
      // Without anything to check them against, any client would be let in.
      to_.accepted = {"NoValidCACertificate",
                      "nothing to check client certificates against: " +
                          (roots.fault.ok() ? "caCertificateRefs is empty" : roots.fault.message)};
      return;
    }
    tls.clientRoots = roots.pem;
    tls.mode = validation->optional ? model::GatewayTls::Mode::optional_mutual : model::GatewayTls::Mode::mutual;
  }

  store::View& view_;
  const Gateway& gateway_;
  const Spec::Listener& from_;
  const std::size_t index_;
  Listener to_;
};

// Listeners between which a connection or request cannot be told: none of them is served.
void findConflicts(std::vector<Listener>& listeners) {
  for (auto& one : listeners) {
    for (const auto& other : listeners) {
      if (&one == &other || one.port != other.port) continue;
      if (kindsOf(one.protocol).empty() || kindsOf(other.protocol).empty()) continue;
      const bool sameUse = useOf(one.protocol) == useOf(other.protocol);
      if (sameUse && one.hostname != other.hostname) continue;
      const bool sameProtocol = one.protocol == other.protocol && one.protocol != "TCP";
      one.conflicted = {sameProtocol ? "HostnameConflict" : "ProtocolConflict",
                        "listener " + other.name + " has port " + std::to_string(one.port) + " too" +
                            (sameUse ? " and the same hostname" : ", with protocol " + other.protocol)};
    }
    if (one.conflicted.ok()) continue;
    if (one.accepted.ok()) one.accepted = one.conflicted;
    one.served = false;
  }
}

Fault acceptedFault(store::View& view, const Gateway& gateway, const std::vector<Listener>& listeners) {
  for (const auto& address : gateway.spec.addresses) {
    if (address.type == "IPAddress" || address.type == "Hostname") continue;
    return {"UnsupportedAddress",
            "addresses of type " + address.type + " are not supported, expected IPAddress or Hostname"};
  }
  if (const auto& parameters = gateway.spec.parameters) {
    const bool map = parameters->group.empty() && parameters->kind == "ConfigMap";
    if (!map || view.get<api::ConfigMap>(gateway.meta.ns, parameters->name) == nullptr) {
      return {"InvalidParameters", "infrastructure.parametersRef: there is no " + parameters->kind + " " +
                                       parameters->name + " that is understood, expected a ConfigMap"};
    }
    warning(view, provenanceOf(gateway), "spec.infrastructure.parametersRef",
            "it has no effect: what is made for a Gateway is changed by infrastructure.labels and annotations only");
  }
  std::vector<std::string> bad;
  for (const auto& listener : listeners) {
    if (!listener.accepted.ok()) bad.push_back(listener.name);
  }
  if (bad.empty() && !listeners.empty()) return {};
  return {"ListenersNotValid",
          listeners.empty() ? "there are no listeners" : "listeners are not served: " + join(bad, ", ")};
}

// For those who have no status to look at, or look into the log.
void tellFaults(store::View& view, const Gateway& gateway, const KubernetesGateway::Value& value) {
  for (std::size_t i = 0; i < value.listeners.size(); ++i) {
    const auto& listener = value.listeners[i];
    const auto rule = kRulePrefix + std::to_string(i) + "]";
    for (const auto* fault : {&listener.accepted, &listener.resolved}) {
      if (fault->ok()) continue;
      error(view, provenanceOf(gateway, rule), "spec." + rule,
            fault->message + (listener.served ? "" : ": the listener is not served"));
    }
  }
  if (!value.accepted.ok() && value.accepted.reason != "ListenersNotValid") {
    error(view, provenanceOf(gateway), "spec", value.accepted.message + ": the Gateway is not served");
  }
}

}  // namespace

KubernetesGateway KubernetesGateway::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

std::string infrastructureName(const Gateway& gateway) {
  const auto given = gateway.meta.annotations.find("gateway.istio.io/name-override");
  if (given != gateway.meta.annotations.end() && !given->second.empty()) return given->second;
  return gateway.meta.name + "-" + gateway.spec.className;
}

KubernetesGateway::Value kubernetesGateway(store::View& view, const KubernetesGateway& query) {
  KubernetesGateway::Value result;
  const auto* gateway = view.get<Gateway>(query.ns, query.name);
  if (gateway == nullptr || !isOurs(view, gateway->spec.className)) return result;
  result.ours = true;
  const auto& addresses = gateway->spec.addresses;
  result.managed =
      std::all_of(addresses.begin(), addresses.end(), [](const auto& address) { return address.type == "IPAddress"; });
  for (std::size_t i = 0; i < gateway->spec.listeners.size(); ++i) {
    result.listeners.push_back(ListenerReader(view, *gateway, i).read());
  }
  findConflicts(result.listeners);
  if (result.managed) {
    result.services.push_back(store::resolveHost(infrastructureName(*gateway), query.ns, view.mesh()));
  } else {
    for (const auto& address : addresses) {
      if (address.type == "Hostname")
        result.services.push_back(store::resolveHost(address.value, query.ns, view.mesh()));
    }
  }
  result.accepted = acceptedFault(view, *gateway, result.listeners);
  tellFaults(view, *gateway, result);
  const bool refused = !result.accepted.ok() && result.accepted.reason != "ListenersNotValid";
  for (auto& listener : result.listeners) {
    if (refused) listener.served = false;
  }
  for (const auto& validation : gateway->spec.clientValidations) {
    result.insecureClients = result.insecureClients || validation.optional;
  }
  return result;
}

std::vector<const Gateway*> gatewaysOf(store::View& view, const std::string& ns, const model::Labels& labels) {
  auto gateways = view.listAll<Gateway>();
  const auto label = labels.find(kGatewayNameLabel);
  std::erase_if(gateways, [&](const Gateway* gateway) {
    const auto& value = view.ask(KubernetesGateway{gateway->meta.ns, gateway->meta.name});
    if (!value.ours) return true;
    if (value.managed) {
      return gateway->meta.ns != ns || label == labels.end() || label->second != gateway->meta.name;
    }
    const auto& own = view.ask(WorkloadServices{ns, labels});
    return std::none_of(value.services.begin(), value.services.end(),
                        [&](const std::string& host) { return std::find(own.begin(), own.end(), host) != own.end(); });
  });
  sortOldestFirst(gateways);
  return gateways;
}

std::vector<model::GatewayServer> serversOf(store::View& view, const Gateway& gateway) {
  std::vector<model::GatewayServer> servers;
  const auto& value = view.ask(KubernetesGateway{gateway.meta.ns, gateway.meta.name});
  for (std::size_t i = 0; i < value.listeners.size(); ++i) {
    const auto& listener = value.listeners[i];
    if (!listener.served) continue;
    model::GatewayServer server;
    server.name = listener.name;
    server.port = listener.port;
    server.protocol = listener.protocol == "HTTP"    ? model::Protocol::http
                      : listener.protocol == "HTTPS" ? model::Protocol::https
                      : listener.protocol == "TLS"   ? model::Protocol::tls
                                                     : model::Protocol::tcp;
    server.tls = listener.tls;
    server.hosts.push_back({"*", listener.hostname});
    server.provenance = provenanceOf(gateway, kRulePrefix + std::to_string(i) + "]");
    servers.push_back(std::move(server));
  }
  return servers;
}

std::optional<std::size_t> listenerOf(const model::GatewayServer& server) {
  const std::string_view rule = server.provenance.rule;
  const std::string_view prefix = kRulePrefix;
  if (!rule.starts_with(prefix)) return std::nullopt;
  const auto digits = rule.substr(prefix.size(), rule.size() - prefix.size() - 1);
  const auto index = toNumber(digits);
  return index ? std::optional(static_cast<std::size_t>(*index)) : std::nullopt;
}

}  // namespace fairway::normalize
