#include "translate/outbound.h"

#include <algorithm>
#include <array>
#include <set>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>

#include "base/ports.h"
#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/fixed_clusters.h"
#include "translate/http.h"
#include "translate/names.h"
#include "translate/ports.h"
#include "translate/scopes.h"
#include "translate/tcp.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::listener::v3::Listener;
using store::joinKey;
using store::splitKey;

std::string OutboundPort::key() const {
  return joinKey({clientNs, numberField(port), toString(interception), listField(addresses), flagField(wholeRoutes)});
}
OutboundPort OutboundPort::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseNumber(fieldAt(fields, 1)), parseInterception(fieldAt(fields, 2)),
          parseList(fieldAt(fields, 3)), parseFlag(fieldAt(fields, 4))};
}

std::string TcpListeners::key() const { return joinKey({clientNs, numberField(port), host}); }
TcpListeners TcpListeners::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseNumber(fieldAt(fields, 1)), fieldAt(fields, 2)};
}

namespace {

constexpr const char* kAnyAddress = "0.0.0.0";  // in names, whatever the family
constexpr std::uint32_t kFirstUnprivilegedPort = 1024;
// Ports that the proxy and its agent listen at: a listener there would conflict.
constexpr std::array<std::uint32_t, 6> kAgentPorts = {ports::kEnvoyAdmin, kOutboundPort,  kInboundPort,
                                                      ports::kAgent,      ports::kHealth, ports::kPrometheus};

model::Provenance serviceObject(const PortHost& entry) { return {entry.kind, entry.ns, entry.name, {}}; }

// Where connections go that no host of the mesh takes, with interception.
std::string clusterForUnknown(store::View& view) {
  const bool known = view.ask(normalize::MeshSettingsOf{}).outbound == model::MeshSettings::Outbound::registry_only;
  return std::string(known ? kBlackHoleCluster : kPassthroughCluster);
}

// Where intercepted connections of the app arrive first; Envoy hands each to the listener of its original
// address, if there is one, and else keeps it here.
ResourcePtr virtualOutbound(store::View& view, const std::vector<std::string>& addresses) {
  Listener listener;
  listener.set_name("virtualOutbound");
  setAddresses(listener, addresses, kOutboundPort);
  listener.mutable_use_original_dst()->set_value(true);
  listener.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
  // A connection to this port itself would be passed on to itself.
  auto& self = *listener.add_filter_chains();
  self.set_name("virtualOutbound-blackhole");
  self.mutable_filter_chain_match()->mutable_destination_port()->set_value(kOutboundPort);
  addTcpProxy(view, self, std::string(kBlackHoleCluster));
  auto& rest = *listener.add_filter_chains();
  rest.set_name("virtualOutbound-catchall-tcp");
  addTcpProxy(view, rest, clusterForUnknown(view));
  return makeResource(Type::listener, listener.name(), listener);
}

// False, with a note to each service, if there can be no listener at the port.
bool usable(store::View& view, const SidecarOutbound& query, std::uint32_t port) {
  std::string reason;
  if (query.interception == Interception::redirect) {
    if (port == kOutboundPort || port == kInboundPort) reason = "the sidecar itself listens there";
  } else if (std::find(kAgentPorts.begin(), kAgentPorts.end(), port) != kAgentPorts.end()) {
    reason = "the sidecar itself listens there";
  } else if (query.unprivileged && port < kFirstUnprivilegedPort) {
    reason = "an unprivileged proxy without interception cannot bind ports below 1024";
  }
  if (reason.empty()) return true;
  for (const auto& entry : view.ask(PortHosts{port})) {
    if (entry.name.empty()) continue;
    view.note({model::Note::Severity::warning, serviceObject(entry), "spec.ports",
               "port " + std::to_string(port) + " has no outbound listener in sidecars of namespace " + query.ns +
                   ": " + reason});
  }
  return false;
}

void initListener(Listener& listener, const std::string& name, const std::vector<std::string>& addresses,
                  std::uint32_t port, bool bind) {
  listener.set_name(name);
  setAddresses(listener, addresses, port);
  listener.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
  if (!bind) listener.mutable_bind_to_port()->set_value(false);
}

std::vector<std::string> serverNames(const PortHost& entry, const std::string& clientNs) {
  std::vector<std::string> names;
  for (const auto& domain : entry.domains) {
    if (domain.front() != '[' && !isAddress(domain)) names.push_back(domain);
  }
  if (entry.shortName && entry.ns == clientNs) names.push_back(entry.name);
  return names;
}

void addHttpChain(store::View& view, const OutboundPort& query, const std::string& name, Listener& listener) {
  HttpManager manager;
  manager.side = HttpSide::outbound;
  manager.statPrefix = "outbound_" + name;
  manager.routeName = std::to_string(query.port);
  addHttpManager(view, *listener.add_filter_chains(), manager);
}

// Interception NONE: all HTTP services of a port.
ResourcePtr httpListener(store::View& view, const OutboundPort& query) {
  const auto name = listenerName(kAnyAddress, query.port);
  Listener listener;
  initListener(listener, name, query.addresses, query.port, true);
  addHttpChain(view, query, name, listener);
  return makeResource(Type::listener, name, listener);
}

// With interception, the listener for connections to a port whose address no other listener has: HTTP, told apart by
// Host; TLS, by server name; ranges of addresses; and one host that takes the rest.
class WildcardListener {
 public:
  WildcardListener(store::View& view, const OutboundPort& query) : view_(view), query_(query) {
    initListener(listener_, listenerName(kAnyAddress, query.port), query.addresses, query.port, false);
  }

  void add(const PortHost& entry) {
    const L4Service service{query_.clientNs, entry.host, query_.port, model::isTls(entry.protocol)};
    if (!entry.ranges.empty()) addRanges(entry, service);
    if (!entry.anyAddress) return;
    if (service.tls) {
      keep(addNamedChains(view_, listener_, service, serverNames(entry, query_.clientNs), names_));
    } else if (rest_ == nullptr) {
      rest_ = &entry;
    } else {
      refuse(entry, rest_->host + " takes all TCP connections to the port");
    }
  }

  // Adds nothing if no host needs the listener.
  void finish(bool http, Output& output) {
    const bool tls = !names_.empty();
    if (http) {
      if (rest_ != nullptr) refuse(*rest_, "HTTP services have the port");
      if (tls) addUnknown("tls");
      addHttpChain(view_, query_, listener_.name(), listener_);
    } else if (rest_ != nullptr) {
      keep(addServiceChains(view_, listener_, {query_.clientNs, rest_->host, query_.port, false}));
    } else if (!listener_.filter_chains().empty()) {
      addUnknown("");
    } else {
      return;
    }
    output.resources.push_back(makeResource(Type::listener, listener_.name(), listener_, std::move(provenance_)));
  }

 private:
  void addRanges(const PortHost& entry, const L4Service& service) {
    std::vector<std::string> own;
    for (const auto& range : entry.ranges) {
      if (ranges_.insert(range).second) {
        own.push_back(range);
      } else {
        refuse(entry, "another host has the addresses " + range);
      }
    }
    if (own.empty()) return;
    const int first = listener_.filter_chains_size();
    keep(addServiceChains(view_, listener_, service));
    for (int i = first; i < listener_.filter_chains_size(); ++i) {
      auto& match = *listener_.mutable_filter_chains(i)->mutable_filter_chain_match();
      for (const auto& range : own) {
        envoy::config::core::v3::CidrRange cidr;
        if (setCidr(cidr, range)) *match.add_prefix_ranges() = std::move(cidr);
      }
    }
  }

  // What is for nobody, as if there were no listener.
  void addUnknown(const char* transport) {
    auto& chain = *listener_.add_filter_chains();
    if (*transport != '\0') chain.mutable_filter_chain_match()->set_transport_protocol(transport);
    addTcpProxy(view_, chain, clusterForUnknown(view_));
  }

  void refuse(const PortHost& entry, const std::string& why) {
    view_.note({model::Note::Severity::warning, serviceObject(entry), "spec.addresses",
                "port " + std::to_string(query_.port) + " of host " + entry.host + " has no address of its own, and " +
                    why + ": expected an address, or another port number"});
  }

  void keep(const std::vector<model::Provenance>& objects) {
    provenance_.insert(provenance_.end(), objects.begin(), objects.end());
  }

  store::View& view_;
  const OutboundPort& query_;
  Listener listener_;
  std::set<std::string> names_, ranges_;
  const PortHost* rest_ = nullptr;
  std::vector<model::Provenance> provenance_;
};

// Interception NONE: there is one address for all services of a port. Those routed by server name share
// it; of the others the first has it.
void addSharedListener(store::View& view, const OutboundPort& query, const std::vector<const PortHost*>& entries,
                       Output& output) {
  Listener listener;
  initListener(listener, listenerName(query.addresses.front(), query.port), query.addresses, query.port, true);
  std::vector<model::Provenance> provenance;
  std::set<std::string> taken;
  const PortHost* rest = nullptr;
  for (const auto* entry : entries) {
    const L4Service service{query.clientNs, entry->host, query.port, model::isTls(entry->protocol)};
    if (service.tls) {
      const auto own = addNamedChains(view, listener, service, serverNames(*entry, query.clientNs), taken);
      provenance.insert(provenance.end(), own.begin(), own.end());
    } else if (!rest) {
      rest = entry;
    } else {
      view.note({model::Note::Severity::warning, serviceObject(*entry), "spec.ports",
                 "port " + std::to_string(query.port) + ": without interception one TCP service can have a port, and " +
                     rest->host + " has it; use another port number"});
    }
  }
  if (rest) {
    const auto own = addServiceChains(view, listener, {query.clientNs, rest->host, query.port, false});
    provenance.insert(provenance.end(), own.begin(), own.end());
  }
  if (listener.filter_chains().empty()) return;
  output.resources.push_back(makeResource(Type::listener, listener.name(), listener, std::move(provenance)));
}

}  // namespace

Output computeSidecarOutbound(store::View& view, const SidecarOutbound& query) {
  Output output;
  output.resources.push_back(blackHoleCluster());
  if (query.interception == Interception::redirect) {
    output.resources.push_back(originalDestinationCluster(kPassthroughCluster, false));
    output.resources.push_back(virtualOutbound(view, query.addresses));
  }
  for (const auto& host : view.ask(normalize::AllHosts{})) {
    output.children.push_back({Clusters::kType, Clusters{query.ns, host, query.interception}.key()});
  }
  for (const auto port : view.ask(OutboundPorts{})) {
    if (!usable(view, query, port)) continue;
    const OutboundPort child{query.ns, port, query.interception, query.addresses, query.wholeRoutes};
    output.children.push_back({OutboundPort::kType, child.key()});
  }
  return output;
}

Output computeOutboundPort(store::View& view, const OutboundPort& query) {
  Output output;
  bool http = false;
  std::vector<const PortHost*> others;
  for (const auto& entry : view.ask(PortHosts{query.port})) {
    if (model::isHttp(entry.protocol)) {
      http = true;
    } else if (normalize::isVisible(entry.exportTo, entry.ns, query.clientNs)) {
      others.push_back(&entry);
    }
  }
  if (http) {
    const RouteTable table{query.clientNs, query.port, query.interception, query.wholeRoutes};
    output.children.push_back({RouteTable::kType, table.key()});
  }
  if (query.interception == Interception::redirect) {
    WildcardListener wildcard(view, query);
    for (const auto* entry : others) {
      wildcard.add(*entry);
      output.children.push_back({TcpListeners::kType, TcpListeners{query.clientNs, query.port, entry->host}.key()});
    }
    wildcard.finish(http, output);
    return output;
  }
  if (!http) {
    addSharedListener(view, query, others, output);
    return output;
  }
  output.resources.push_back(httpListener(view, query));
  for (const auto* entry : others) {
    view.note({model::Note::Severity::warning, serviceObject(*entry), "spec.ports",
               "port " + std::to_string(query.port) + " is an HTTP port of other services: without interception " +
                   std::string(model::toString(entry->protocol)) +
                   " services cannot share it; use another port number"});
  }
  return output;
}

Output computeTcpListeners(store::View& view, const TcpListeners& query) {
  Output output;
  const auto& entry = view.ask(PortHostOf{query.port, query.host});
  if (!entry) return output;
  const auto& addresses = entry->headless ? view.ask(HeadlessAddresses{query.port, query.host}) : entry->addresses;
  for (const auto& address : addresses) {
    if (!isAddress(address)) continue;
    Listener listener;
    initListener(listener, listenerName(address, query.port), {address}, query.port, false);
    auto provenance =
        addServiceChains(view, listener, {query.clientNs, query.host, query.port, model::isTls(entry->protocol)});
    output.resources.push_back(makeResource(Type::listener, listener.name(), listener, std::move(provenance)));
  }
  return output;
}

}  // namespace fairway::translate
