#include "translate/scopes.h"

#include <algorithm>
#include <optional>

#include "normalize/clients.h"
#include "normalize/queries.h"
#include "normalize/workload_entries.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/patches.h"

namespace fairway::translate {

using store::joinKey;
using store::splitKey;

std::string_view toString(Interception interception) {
  return interception == Interception::none ? "NONE" : "REDIRECT";
}

Interception parseInterception(std::string_view text) {
  return text == "NONE" ? Interception::none : Interception::redirect;
}

namespace {

std::string_view typeName(ProxyType type) {
  switch (type) {
    case ProxyType::sidecar: return "sidecar";
    case ProxyType::gateway: return "gateway";
    case ProxyType::rate_limit_service: return "ratelimit";
  }
  return {};
}

ProxyType parseType(std::string_view name) {
  if (name == "gateway") return ProxyType::gateway;
  return name == "ratelimit" ? ProxyType::rate_limit_service : ProxyType::sidecar;
}

}  // namespace

std::string ScopesOf::key() const {
  return joinKey({typeName(proxy.type), proxy.ns, proxy.pod, proxy.serviceAccount, mapField(proxy.labels),
                  listField(proxy.ips), toString(proxy.interception), proxy.outboundAddress, proxy.appAddress,
                  flagField(proxy.unprivileged), flagField(proxy.wholeRoutes), mapField(proxy.metadata),
                  toText(proxy.topology), flagField(proxy.bootstrap)});
}

ScopesOf ScopesOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  Proxy proxy;
  proxy.type = parseType(fieldAt(fields, 0));
  proxy.ns = fieldAt(fields, 1);
  proxy.pod = fieldAt(fields, 2);
  proxy.serviceAccount = fieldAt(fields, 3);
  proxy.labels = parseMap(fieldAt(fields, 4));
  proxy.ips = parseList(fieldAt(fields, 5));
  proxy.interception = parseInterception(fieldAt(fields, 6));
  proxy.outboundAddress = fieldAt(fields, 7);
  proxy.appAddress = fieldAt(fields, 8);
  proxy.unprivileged = parseFlag(fieldAt(fields, 9));
  proxy.wholeRoutes = parseFlag(fieldAt(fields, 10));
  proxy.metadata = parseMap(fieldAt(fields, 11));
  proxy.topology = parseGatewayTopology(fieldAt(fields, 12)).value_or(std::nullopt);
  proxy.bootstrap = parseFlag(fieldAt(fields, 13));
  return {proxy};
}

std::string SidecarOutbound::key() const {
  return joinKey({normalize::clientKey(client), toString(interception), listField(addresses), flagField(unprivileged),
                  flagField(wholeRoutes)});
}

SidecarOutbound SidecarOutbound::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {normalize::parseClientKey(fieldAt(fields, 0)), parseInterception(fieldAt(fields, 1)),
          parseList(fieldAt(fields, 2)), parseFlag(fieldAt(fields, 3)), parseFlag(fieldAt(fields, 4))};
}

std::string SidecarInbound::key() const {
  return joinKey({ns, serviceAccount, mapField(labels), portsField(namedPorts), toString(interception),
                  listField(addresses), appAddress, flagField(unprivileged), flagField(machine)});
}

SidecarInbound SidecarInbound::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0),
          fieldAt(fields, 1),
          parseMap(fieldAt(fields, 2)),
          parsePorts(fieldAt(fields, 3)),
          parseInterception(fieldAt(fields, 4)),
          parseList(fieldAt(fields, 5)),
          fieldAt(fields, 6),
          parseFlag(fieldAt(fields, 7)),
          parseFlag(fieldAt(fields, 8))};
}

std::string GatewayScope::key() const {
  return joinKey({ns, serviceAccount, mapField(labels), portsField(namedPorts), listField(addresses),
                  flagField(unprivileged), locality.region, locality.zone, locality.subzone, toText(topology)});
}

GatewayScope GatewayScope::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0),
          fieldAt(fields, 1),
          parseMap(fieldAt(fields, 2)),
          parsePorts(fieldAt(fields, 3)),
          parseList(fieldAt(fields, 4)),
          parseFlag(fieldAt(fields, 5)),
          {fieldAt(fields, 6), fieldAt(fields, 7), fieldAt(fields, 8)},
          parseGatewayTopology(fieldAt(fields, 9)).value_or(std::nullopt)};
}

namespace {

// Every address of the families that the proxy has addresses of: a socket of a family that its network does not have
// could not be opened, and the listener would be refused.
std::vector<std::string> anyAddress(const std::vector<std::string>& own) {
  const auto isV6 = [](const std::string& address) { return address.find(':') != std::string::npos; };
  std::vector<std::string> any;
  if (!std::all_of(own.begin(), own.end(), isV6) || own.empty()) any.emplace_back("0.0.0.0");
  if (std::any_of(own.begin(), own.end(), isV6)) any.emplace_back("::");
  return any;
}

}  // namespace

ScopesOf::Value computeScopes(store::View& view, const ScopesOf& query) {
  const Proxy& proxy = query.proxy;
  if (proxy.type == ProxyType::rate_limit_service) {
    // It learns of the limits of all namespaces.
    if (proxy.ns != view.mesh().rootNamespace) return {};
    return {{RateLimitServiceScope::kType, RateLimitServiceScope{}.key()}};
  }
  const model::Workload* workload = nullptr;
  if (!proxy.pod.empty()) {
    const auto& found = view.ask(normalize::WorkloadOf{proxy.ns, proxy.pod});
    if (found) workload = &*found;
  }
  bool machine = false;
  if (workload == nullptr && proxy.type == ProxyType::sidecar && !proxy.serviceAccount.empty()) {
    const auto& found = view.ask(normalize::MachineOf{proxy.ns, proxy.serviceAccount, proxy.ips});
    machine = found.has_value();
    if (found) workload = &*found;
  }
  // Who proved to be one account gets nothing of a pod that runs as another; the stream's own check may have come
  // before the pod was known.
  if (workload && !proxy.serviceAccount.empty() && workload->serviceAccount != proxy.serviceAccount) {
    view.note({model::Note::Severity::error,
               {"Pod", proxy.ns, proxy.pod, ""},
               "spec.serviceAccountName",
               "a proxy with the identity of service account " + proxy.serviceAccount +
                   " claims to be this pod, which runs as " + workload->serviceAccount + ": it is sent nothing"});
    return {};
  }
  const auto& labels = workload ? workload->labels : proxy.labels;
  const auto& addresses = workload && !workload->ips.empty() ? workload->ips : proxy.ips;
  const auto namedPorts = workload ? workload->namedPorts : std::map<std::string, std::uint32_t>{};
  // The authenticated identity; the pod's account only where the proxy has none.
  const auto& account = proxy.serviceAccount.empty() && workload ? workload->serviceAccount : proxy.serviceAccount;
  const bool binds = proxy.interception == Interception::none;
  normalize::ClientOf as{proxy.ns, labels, workload ? workload->locality : model::Locality{}};
  if (workload && !workload->node.empty()) as.labels[normalize::kHostnameLabel] = workload->node;
  const auto& client = view.ask(as);
  const auto patches = patchSetOf(view, proxy, labels);
  if (proxy.bootstrap) return bootstrapScopes(patches);

  if (proxy.type == ProxyType::gateway) {
    const GatewayScope scope{
        proxy.ns,           account,         labels,        namedPorts, binds ? addresses : anyAddress(addresses),
        proxy.unprivileged, client.locality, proxy.topology};
    return patchedScopes(view, patches, proxy, {{GatewayScope::kType, scope.key()}});
  }
  SidecarOutbound outbound{client, proxy.interception, anyAddress(addresses), false, proxy.wholeRoutes};
  SidecarInbound inbound{proxy.ns,           account, labels, namedPorts, proxy.interception,
                         outbound.addresses, {},      false,  machine};
  if (binds) {
    outbound.addresses = {proxy.outboundAddress.empty() ? "127.0.0.1" : proxy.outboundAddress};
    outbound.unprivileged = proxy.unprivileged;
    inbound.addresses = addresses;
    inbound.appAddress = proxy.appAddress.empty() ? "127.0.0.1" : proxy.appAddress;
    inbound.unprivileged = proxy.unprivileged;
  }
  return patchedScopes(view, patches, proxy,
                       {{SidecarInbound::kType, inbound.key()}, {SidecarOutbound::kType, outbound.key()}});
}

}  // namespace fairway::translate
