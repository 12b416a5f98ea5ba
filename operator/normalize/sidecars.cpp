#include "normalize/sidecars.h"

#include <algorithm>
#include <set>

#include "api/sidecar.h"
#include "base/strings.h"
#include "normalize/clients.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"
#include "normalize/queries.h"
#include "normalize/route_context.h"
#include "normalize/traffic_policy.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using api::SidecarSpec;
using model::Sidecar;

constexpr const char* kSelector = "spec.workloadSelector";

// The oldest of some that say the same; the others' authors are told.
const api::Sidecar* oldest(store::View& view, std::vector<const api::Sidecar*> objects, const std::string& forWhom) {
  if (objects.empty()) return nullptr;
  sortOldestFirst(objects);
  for (std::size_t i = 1; i < objects.size(); ++i) {
    warning(view, provenanceOf(*objects[i]), kSelector,
            "it has no effect on " + forWhom + ": the older " + provenanceOf(*objects.front()).toString() +
                " is for these, too; expected one Sidecar for each workload");
  }
  return objects.front();
}

// Those without a selector.
std::vector<const api::Sidecar*> general(store::View& view, const std::string& ns) {
  auto objects = view.list<api::Sidecar>(ns);
  std::erase_if(objects, [](const api::Sidecar* object) {
    return !object->spec.workloadSelector.empty() || Errors(*object).at(kSelector);
  });
  return objects;
}

const api::Sidecar* generalFor(store::View& view, const std::string& ns) {
  const auto& root = view.mesh().rootNamespace;
  const auto* own = oldest(view, general(view, ns), "workloads of namespace " + ns);
  return own != nullptr || ns == root ? own : oldest(view, general(view, root), "workloads of namespace " + ns);
}

Sidecar::Import importOf(const std::string& text, const std::string& clientNs, const store::MeshConfig& mesh) {
  const auto slash = text.find('/');
  Sidecar::Import result;
  result.ns = text.substr(0, slash);
  result.dns = text.substr(slash + 1);
  if (result.ns.starts_with('~')) {
    result.exclude = true;
    result.ns.erase(0, 1);
    if (result.ns.empty()) result.ns = "*";
  }
  if (result.ns == ".") result.ns = clientNs;
  result.dns = store::resolveHost(result.dns, result.ns == "*" ? clientNs : result.ns, mesh);
  return result;
}

class Converter {
 public:
  Converter(store::View& view, const api::Sidecar& object, const std::string& clientNs)
      : view_(view), object_(object), errors_(object), clientNs_(clientNs) {}

  Sidecar convert() {
    const auto& spec = object_.spec;
    Sidecar result;
    result.provenance = provenanceOf(object_);
    result.egress = egressOf(object_, errors_);
    if (result.egress.empty()) result.egress = inherited();
    for (std::size_t i = 0; i < spec.ingress.size(); ++i) {
      if (!broken("spec.ingress", i, "it has errors: the port is taken as one that no service names"))
        result.ingress.push_back(ingress(spec.ingress[i], "spec.ingress[" + std::to_string(i) + "]"));
    }
    if (spec.inboundConnectionPool && !errors_.below("spec.inboundConnectionPool")) {
      result.inboundPool = convertPool(*spec.inboundConnectionPool);
    }
    setOutbound(result);
    return result;
  }

 private:
  using Outbound = model::MeshSettings::Outbound;

  bool broken(const std::string& list, std::size_t index, const std::string& meaning) {
    if (!errors_.atItem(list, index)) return false;
    error(view_, provenanceOf(object_), list + "[" + std::to_string(index) + "]", meaning);
    return true;
  }

  std::vector<Sidecar::Egress> egressOf(const api::Sidecar& object, const Errors& errors) {
    std::vector<Sidecar::Egress> result;
    for (std::size_t i = 0; i < object.spec.egress.size(); ++i) {
      const auto field = "spec.egress[" + std::to_string(i) + "]";
      if (errors.atItem("spec.egress", i)) {
        error(view_, provenanceOf(object), field, "it has errors: none of its hosts is reached by it");
        continue;
      }
      result.push_back(egress(object.spec.egress[i], field));
    }
    // Nothing of it was understood: that must not mean everything.
    if (result.empty() && (errors.at("spec.egress") || !object.spec.egress.empty())) {
      result.emplace_back().field = "spec.egress";
    }
    return result;
  }

  Sidecar::Egress egress(const SidecarSpec::Egress& from, const std::string& field) {
    Sidecar::Egress to;
    to.field = field;
    if (from.port) {
      to.port = from.port->number;
      to.forwardProxy = from.port->protocol == "HTTP_PROXY";
      to.protocol =
          to.forwardProxy ? model::Protocol::http : gatewayProtocol(from.port->protocol).value_or(model::Protocol::tcp);
    }
    to.bind = from.bind;
    to.captured = from.capture != SidecarSpec::Capture::none;
    for (const auto& host : from.hosts) to.imports.push_back(importOf(host, clientNs_, view_.mesh()));
    return to;
  }

  // What the namespace's, or the mesh's, Sidecar without a selector says; else everything.
  std::vector<Sidecar::Egress> inherited() {
    const auto* other = generalFor(view_, clientNs_);
    if (other != nullptr && other != &object_) {
      auto result = egressOf(*other, Errors(*other));
      if (!result.empty()) return result;
    }
    Sidecar::Egress all;
    all.imports.push_back({"*", "*", false});
    all.field = "spec.egress";
    return {all};
  }

  Sidecar::Ingress ingress(const SidecarSpec::Ingress& from, const std::string& field) {
    Sidecar::Ingress to;
    to.field = field;
    to.port = from.port.number;
    to.protocol = from.port.protocol == "HTTP_PROXY"
                      ? model::Protocol::http
                      : gatewayProtocol(from.port.protocol).value_or(model::Protocol::tcp);
    to.bind = from.bind;
    to.captured = from.capture != SidecarSpec::Capture::none && from.bind.empty();
    to.endpoint = from.defaultEndpoint;
    if (from.connectionPool) to.pool = convertPool(*from.connectionPool);
    if (from.tls) to.tls = tls(*from.tls);
    return to;
  }

  static model::GatewayTls tls(const api::GatewaySpec::Tls& from) {
    model::GatewayTls to;
    to.mode = from.mode == api::GatewaySpec::Tls::Mode::mutual ? model::GatewayTls::Mode::mutual
                                                               : model::GatewayTls::Mode::simple;
    to.serverCertificate = from.serverCertificate;
    to.privateKey = from.privateKey;
    to.caCertificates = from.caCertificates;
    const auto version = [](std::string text) {  // "TLSV1_2" -> "TLSv1_2"
      if (text.size() > 3) text[3] = 'v';
      return text;
    };
    to.minVersion = version(from.minProtocolVersion);
    to.maxVersion = version(from.maxProtocolVersion);
    to.cipherSuites = from.cipherSuites;
    return to;
  }

  void setOutbound(Sidecar& result) {
    if (errors_.below("spec.outboundTrafficPolicy")) {
      error(view_, provenanceOf(object_), "spec.outboundTrafficPolicy",
            "it has errors: nothing goes to hosts that are not known, as with REGISTRY_ONLY");
      result.outbound = Outbound::registry_only;
      return;
    }
    const auto& policy = object_.spec.outboundTrafficPolicy;
    if (!policy) return;
    result.outbound = policy->registryOnly ? Outbound::registry_only : Outbound::allow_any;
    if (!policy->egressProxy) return;
    model::Destination proxy;
    proxy.host = store::resolveHost(policy->egressProxy->host, object_.meta.ns, view_.mesh());
    proxy.port = policy->egressProxy->port;
    proxy.subset = policy->egressProxy->subset;
    const auto missing = [&](const std::string& why) {
      error(view_, provenanceOf(object_), "spec.outboundTrafficPolicy.egressProxy",
            why + ": nothing goes to hosts that are not known");
      result.outbound = Outbound::registry_only;
    };
    const auto& service = view_.ask(ServiceOf{proxy.host});
    if (!service || !isVisible(service->exportTo, service->ns, clientNs_)) {
      return missing("there is no service " + proxy.host + " that namespace " + clientNs_ + " sees");
    }
    if (service->port(proxy.port) == nullptr) {
      return missing("service " + proxy.host + " has no port " + std::to_string(proxy.port));
    }
    if (!proxy.subset.empty()) {
      const auto& policies = view_.ask(TrafficPolicyOf{clientNs_, proxy.host, proxy.port});
      const bool known = std::any_of(policies.subsets.begin(), policies.subsets.end(),
                                     [&](const auto& subset) { return subset.name == proxy.subset; });
      if (!known) return missing("no DestinationRule for " + proxy.host + " defines subset \"" + proxy.subset + "\"");
    }
    result.egressProxy = std::move(proxy);
  }

  store::View& view_;
  const api::Sidecar& object_;
  const Errors errors_;
  const std::string& clientNs_;
};

// The whole host, of the registry; of a VirtualService, whose hosts may be wider, a part of it is enough.
bool matches(const Sidecar::Import& import, std::string_view host, std::string_view ns, bool part) {
  if (import.ns != "*" && import.ns != ns) return false;
  const auto common = intersectHosts(import.dns, host);
  return common && (part || *common == host);
}

bool imports(const Sidecar::Egress& listener, std::string_view host, std::string_view ns, bool part) {
  bool included = false;
  for (const auto& import : listener.imports) {
    if (!matches(import, host, ns, part && !import.exclude)) continue;
    if (import.exclude) return false;
    included = true;
  }
  return included;
}

// The VirtualServices for sidecars that the namespace sees.
std::vector<const api::VirtualService*> meshServices(store::View& view, const std::string& clientNs) {
  auto objects = view.lookup<api::VirtualService>(store::Index::virtual_service_by_gateway, kMesh);
  std::erase_if(objects, [&](const auto* object) {
    return object->spec.hosts.empty() || !isBoundTo(*object, kMesh) || !isVisibleTo(view, *object, clientNs);
  });
  return objects;
}

class Destinations {
 public:
  explicit Destinations(store::View& view) : view_(view) {}

  void add(const api::VirtualService& object, bool delegates = true) {
    for (const auto& rule : object.spec.http) {
      for (const auto& weighted : rule.route) add(weighted.destination, object);
      for (const auto& mirror : rule.mirrors) add(mirror.destination, object);
      if (!delegates || !rule.delegate) continue;
      const auto& ns = rule.delegate->ns.empty() ? object.meta.ns : rule.delegate->ns;
      const auto* delegate = view_.get<api::VirtualService>(ns, rule.delegate->name);
      if (delegate != nullptr) add(*delegate, false);
    }
    for (const auto* rules : {&object.spec.tls, &object.spec.tcp}) {
      for (const auto& rule : *rules) {
        for (const auto& weighted : rule.route) add(weighted.destination, object);
      }
    }
  }
  std::set<std::string> hosts;

 private:
  void add(const api::Destination& destination, const api::VirtualService& object) {
    hosts.insert(store::resolveHost(destination.host, object.meta.ns, view_.mesh()));
  }
  store::View& view_;
};

}  // namespace

std::string SidecarFor::key() const {
  model::Client client(ns);
  client.labels = labels;
  return clientKey(client);
}
SidecarFor SidecarFor::parse(std::string_view key) {
  auto client = parseClientKey(key);
  return {std::move(client.ns), std::move(client.labels)};
}

SidecarFor::Value sidecarFor(store::View& view, const SidecarFor& query) {
  const auto& ns = query.ns;
  auto objects = view.list<api::Sidecar>(ns);
  for (const auto* object : objects) {
    if (!Errors(*object).at(kSelector)) continue;
    error(view, provenanceOf(*object), kSelector, "it has errors: the Sidecar is for no workload");
  }
  std::erase_if(objects, [&](const api::Sidecar* object) {
    const auto& selector = object->spec.workloadSelector;
    return selector.empty() || Errors(*object).at(kSelector) || !api::selects(selector, query.labels);
  });
  const auto* found = oldest(view, std::move(objects), "some workloads");
  if (found == nullptr) found = generalFor(view, ns);
  return found == nullptr ? std::string() : found->meta.ns + "/" + found->meta.name;
}

const Sidecar* sidecarWithIngress(store::View& view, const std::string& ns, const model::Labels& labels) {
  const auto& name = view.ask(SidecarFor{ns, labels});
  if (name.empty()) return nullptr;
  const auto& found = view.ask(SidecarOf{ns, name});
  return found && !found->ingress.empty() ? &*found : nullptr;
}

model::Protocol protocolOf(const Sidecar::Ingress& port) {
  if (!port.tls) return port.protocol;
  return port.protocol == model::Protocol::https ? model::Protocol::http : model::Protocol::tcp;
}

bool imports(const Sidecar::Egress& listener, std::string_view host, std::string_view ns) {
  return imports(listener, host, ns, false);
}

bool imports(store::View& view, const Sidecar& sidecar, const api::VirtualService& object) {
  return std::any_of(object.spec.hosts.begin(), object.spec.hosts.end(), [&](const std::string& text) {
    const auto host = store::resolveHost(text, object.meta.ns, view.mesh());
    return std::any_of(sidecar.egress.begin(), sidecar.egress.end(),
                       [&](const auto& listener) { return imports(listener, host, object.meta.ns, true); });
  });
}

std::optional<std::size_t> listenerFor(const Sidecar& sidecar, std::uint32_t port) {
  std::optional<std::size_t> any;
  for (std::size_t i = 0; i < sidecar.egress.size(); ++i) {
    const auto& listener = sidecar.egress[i];
    if (listener.bound()) continue;
    if (listener.port == port) return i;
    if (listener.port == 0 && !any) any = i;
  }
  return any;
}

SidecarOf SidecarOf::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

EgressHosts EgressHosts::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1), static_cast<std::size_t>(toNumber(fields.at(2)).value_or(0))};
}

ReachedHosts ReachedHosts::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

SidecarOf::Value sidecar(store::View& view, const SidecarOf& query) {
  const auto slash = query.sidecar.find('/');
  if (slash == std::string::npos) return std::nullopt;
  const auto* object = view.get<api::Sidecar>(query.sidecar.substr(0, slash), query.sidecar.substr(slash + 1));
  if (object == nullptr) return std::nullopt;
  return Converter(view, *object, query.clientNs).convert();
}

EgressHosts::Value egressHosts(store::View& view, const EgressHosts& query) {
  const auto& sidecar = view.ask(SidecarOf{query.clientNs, query.sidecar});
  if (!sidecar || query.listener >= sidecar->egress.size()) return {};
  const auto& listener = sidecar->egress[query.listener];
  std::set<std::string> hosts;
  std::vector<bool> used(listener.imports.size());
  const auto add = [&](const std::string& host, const std::string& ns, bool part) {
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (matches(listener.imports[i], host, ns, part)) used[i] = true;
    }
    if (imports(listener, host, ns, part)) hosts.insert(host);
  };
  for (const auto& host : view.ask(AllHosts{})) {
    const auto& service = view.ask(ServiceOf{host});
    if (service && isVisible(service->exportTo, service->ns, query.clientNs)) add(host, service->ns, false);
  }
  for (const auto* object : meshServices(view, query.clientNs)) {
    for (const auto& text : object->spec.hosts) {
      add(store::resolveHost(text, object->meta.ns, view.mesh()), object->meta.ns, true);
    }
  }
  for (std::size_t i = 0; i < used.size(); ++i) {
    const auto& import = listener.imports[i];
    if (used[i] || import.exclude || import.dns.starts_with('*')) continue;
    warning(view, sidecar->provenance, listener.field + ".hosts",
            "there is no host " + import.dns + " in namespace " + import.ns + " that namespace " + query.clientNs +
                " sees");
  }
  return {hosts.begin(), hosts.end()};
}

ReachedHosts::Value reachedHosts(store::View& view, const ReachedHosts& query) {
  const auto& sidecar = view.ask(SidecarOf{query.clientNs, query.sidecar});
  if (!sidecar) return {};
  Destinations wanted(view);
  for (std::size_t i = 0; i < sidecar->egress.size(); ++i) {
    const auto& imported = view.ask(EgressHosts{query.clientNs, query.sidecar, i});
    wanted.hosts.insert(imported.begin(), imported.end());
  }
  for (const auto* object : meshServices(view, query.clientNs)) {
    if (imports(view, *sidecar, *object)) wanted.add(*object);
  }
  if (sidecar->egressProxy) wanted.hosts.insert(sidecar->egressProxy->host);
  const auto& known = view.ask(AllHosts{});
  std::vector<std::string> result;
  std::set_intersection(known.begin(), known.end(), wanted.hosts.begin(), wanted.hosts.end(),
                        std::back_inserter(result));
  return result;
}

}  // namespace fairway::normalize
