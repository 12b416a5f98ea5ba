#include "translate/outbound.h"

#include <algorithm>
#include <array>
#include <set>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>

#include "base/ports.h"
#include "base/strings.h"
#include "normalize/clients.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "normalize/sidecars.h"
#include "translate/any.h"
#include "translate/cidr.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/fixed_clusters.h"
#include "translate/fluentd_relay.h"
#include "translate/http.h"
#include "translate/names.h"
#include "translate/outbound_parts.h"
#include "translate/ports.h"
#include "translate/scopes.h"
#include "translate/tcp.h"
#include "translate/unknown.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::listener::v3::Listener;
using store::joinKey;
using store::splitKey;

std::string OutboundPort::key() const {
  return joinKey({normalize::clientKey(client), numberField(port), toString(interception), listField(addresses),
                  flagField(wholeRoutes)});
}
OutboundPort OutboundPort::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {normalize::parseClientKey(fieldAt(fields, 0)), parseNumber(fieldAt(fields, 1)),
          parseInterception(fieldAt(fields, 2)), parseList(fieldAt(fields, 3)), parseFlag(fieldAt(fields, 4))};
}

std::string TcpListeners::key() const { return joinKey({normalize::clientKey(client), numberField(port), host}); }
TcpListeners TcpListeners::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {normalize::parseClientKey(fieldAt(fields, 0)), parseNumber(fieldAt(fields, 1)), fieldAt(fields, 2)};
}

namespace {

constexpr const char* kAnyAddress = "0.0.0.0";  // in names, whatever the family
constexpr std::uint32_t kFirstUnprivilegedPort = 1024;
// Ports that the proxy and its agent listen at: a listener there would conflict.
constexpr std::array<std::uint32_t, 6> kAgentPorts = {ports::kEnvoyAdmin, kOutboundPort,  kInboundPort,
                                                      ports::kAgent,      ports::kHealth, ports::kPrometheus};

// Where intercepted connections of the app arrive first; Envoy hands each to the listener of its original
// address, if there is one, and else keeps it here.
ResourcePtr virtualOutbound(store::View& view, const SidecarOutbound& query) {
  Listener listener;
  listener.set_name("virtualOutbound");
  setAddresses(listener, query.addresses, kOutboundPort);
  listener.mutable_use_original_dst()->set_value(true);
  listener.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
  // A connection to this port itself would be passed on to itself.
  auto& self = *listener.add_filter_chains();
  self.set_name("virtualOutbound-blackhole");
  self.mutable_filter_chain_match()->mutable_destination_port()->set_value(kOutboundPort);
  const auto& telemetry = telemetryOf(view, query.client);
  addTcpProxy(self, std::string(kBlackHoleCluster), telemetry.client, MetricsSide::client);
  auto& rest = *listener.add_filter_chains();
  rest.set_name("virtualOutbound-catchall-tcp");
  addTcpProxy(rest, clusterForUnknown(view, query.client), telemetry.client, MetricsSide::client);
  auto provenance = telemetry.provenance;
  const auto& sidecar = view.ask(normalize::SidecarOf{query.client.ns, query.client.sidecar});
  if (sidecar) provenance.push_back(sidecar->provenance);
  return makeResource(Type::listener, listener.name(), listener, std::move(provenance));
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
               "port " + std::to_string(port) + " has no outbound listener in sidecars of namespace " +
                   query.client.ns + ": " + reason});
  }
  return false;
}

// The same for a listener that a Sidecar asks for.
bool usable(store::View& view, const SidecarOutbound& query, const model::Sidecar& sidecar,
            const model::Sidecar::Egress& listener) {
  std::string reason;
  if (std::find(kAgentPorts.begin(), kAgentPorts.end(), listener.port) != kAgentPorts.end()) {
    reason = "the sidecar itself listens there";
  } else if (query.unprivileged && listener.port != 0 && listener.port < kFirstUnprivilegedPort) {
    reason = "an unprivileged proxy without interception cannot bind ports below 1024";
  }
  if (reason.empty()) return true;
  view.note({model::Note::Severity::error, sidecar.provenance, listener.field + ".port",
             "port " + std::to_string(listener.port) + " has no listener: " + reason});
  return false;
}

// Interception NONE: all HTTP services of a port.
ResourcePtr httpListener(store::View& view, const OutboundPort& query, bool lookUp) {
  const auto name = listenerName(kAnyAddress, query.port);
  Listener listener;
  initListener(listener, name, query.addresses, query.port, true);
  addHttpChain(view, query.client, std::to_string(query.port), lookUp, listener);
  return makeResource(Type::listener, name, listener, telemetryOf(view, query.client).provenance);
}

// With interception, the listener for connections to a port whose address no other listener has: HTTP, told apart by
// Host; TLS, by server name; ranges of addresses; and one host that takes the rest.
class WildcardListener {
 public:
  WildcardListener(store::View& view, const OutboundPort& query) : view_(view), query_(query) {
    initListener(listener_, listenerName(kAnyAddress, query.port), query.addresses, query.port, false);
  }

  void add(const PortHost& entry) {
    const L4Service service{query_.client, entry.host, query_.port, model::isTls(entry.protocol)};
    if (!entry.ranges.empty()) addRanges(entry, service);
    if (!entry.anyAddress) return;
    if (service.tls) {
      keep(addNamedChains(view_, listener_, service, serverNames(entry, query_.client.ns), names_));
    } else if (rest_ == nullptr) {
      rest_ = &entry;
    } else {
      refuse(entry, rest_->host + " takes all TCP connections to the port");
    }
  }

  // Adds nothing if no host needs the listener.
  void finish(bool http, bool lookUp, Output& output) {
    const bool tls = !names_.empty();
    if (http) {
      if (rest_ != nullptr) refuse(*rest_, "HTTP services have the port");
      if (tls) addUnknown("tls");
      addHttpChain(view_, query_.client, std::to_string(query_.port), lookUp, listener_);
    } else if (rest_ != nullptr) {
      keep(addServiceChains(view_, listener_, {query_.client, rest_->host, query_.port, false}));
    } else if (!listener_.filter_chains().empty()) {
      addUnknown("");
    } else {
      return;
    }
    keep(telemetryOf(view_, query_.client).provenance);
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
    auto& chains = *listener_.mutable_filter_chains();
    // A route that takes all addresses of a range leaves none to those after it.
    std::set<std::pair<std::string, std::string>> taken;
    for (int i = first; i < chains.size();) {
      auto& match = *chains[i].mutable_filter_chain_match();
      bool any = narrowTo(match, own);
      if (any) {
        const auto names = join({match.server_names().begin(), match.server_names().end()}, ",");
        auto& ranges = *match.mutable_prefix_ranges();
        for (int j = 0; j < ranges.size();) {
          const auto text = ranges[j].address_prefix() + "/" + std::to_string(ranges[j].prefix_len().value());
          if (taken.emplace(names, text).second) {
            ++j;
          } else {
            ranges.DeleteSubrange(j, 1);
          }
        }
        any = !ranges.empty();
      }
      if (any) {
        ++i;
      } else {
        chains.DeleteSubrange(i, 1);
      }
    }
  }

  // What is for nobody, as if there were no listener.
  void addUnknown(const char* transport) {
    auto& chain = *listener_.add_filter_chains();
    if (*transport != '\0') chain.mutable_filter_chain_match()->set_transport_protocol(transport);
    addTcpProxy(chain, clusterForUnknown(view_, query_.client), telemetryOf(view_, query_.client).client,
                MetricsSide::client);
  }

  void refuse(const PortHost& entry, const std::string& why) {
    view_.note({model::Note::Severity::warning, serviceObject(entry), "spec.addresses",
                "port " + std::to_string(query_.port) + " of host " + entry.host + " has no address of its own, and " +
                    why + ": expected an address, or another port number",
                model::Note::Conflict::tcp_over_tcp});
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

// Interception NONE: there is one address for all services of a port.
void addSharedListener(store::View& view, const OutboundPort& query, const std::vector<const PortHost*>& entries,
                       Output& output) {
  Listener listener;
  initListener(listener, listenerName(query.addresses.front(), query.port), query.addresses, query.port, true);
  auto provenance = addSharedChains(view, listener, query.client, query.port, entries);
  const auto& telemetry = telemetryOf(view, query.client).provenance;
  provenance.insert(provenance.end(), telemetry.begin(), telemetry.end());
  if (listener.filter_chains().empty()) return;
  output.resources.push_back(makeResource(Type::listener, listener.name(), listener, std::move(provenance)));
}

}  // namespace

Output computeSidecarOutbound(store::View& view, const SidecarOutbound& query) {
  Output output;
  const auto& client = query.client;
  output.resources.push_back(blackHoleCluster());
  if (query.interception == Interception::redirect) {
    output.resources.push_back(originalDestinationCluster(kPassthroughCluster, false));
    output.resources.push_back(virtualOutbound(view, query));
  }
  const auto& sidecar = view.ask(normalize::SidecarOf{client.ns, client.sidecar});
  const auto& hosts =
      sidecar ? view.ask(normalize::ReachedHosts{client.ns, client.sidecar}) : view.ask(normalize::AllHosts{});
  // What is told goes out by the same proxy, whatever its app may reach; also what is told of requests to the app.
  const auto& telemetry = telemetryOf(view, client);
  addFluentdRelays(telemetry, true, output);
  auto told = telemetry.hosts(true, true);
  for (const auto& host : hosts) told.erase(host);
  model::Client asking(client.ns);
  asking.labels = client.labels;
  asking.locality = client.locality;
  const auto addClusters = [&](const std::string& host) {
    output.children.push_back({HostClusters::kType, HostClusters{{asking, host, query.interception}}.key()});
  };
  for (const auto& host : hosts) addClusters(host);
  for (const auto& host : told) addClusters(host);
  for (const auto port : view.ask(OutboundPorts{})) {
    if (!usable(view, query, port)) continue;
    const OutboundPort child{normalize::listenerClient(client), port, query.interception, query.addresses,
                             query.wholeRoutes};
    output.children.push_back({OutboundPort::kType, child.key()});
  }
  for (std::uint32_t i = 0; sidecar && i < sidecar->egress.size(); ++i) {
    const auto& listener = sidecar->egress[i];
    if (!listener.bound() || !usable(view, query, *sidecar, listener)) continue;
    const EgressListener child{normalize::listenerClient(client), i, query.interception, query.addresses};
    output.children.push_back({EgressListener::kType, child.key()});
  }
  return output;
}

Output computeOutboundPort(store::View& view, const OutboundPort& query) {
  Output output;
  bool http = false;
  std::vector<const PortHost*> others;
  bool lookUp = false;
  for (const auto* entry : hostsAt(view, query.client, query.port)) {
    if (model::isHttp(entry->protocol)) {
      http = true;
      lookUp = lookUp || entry->dynamic;
    } else {
      others.push_back(entry);
    }
  }
  if (http) {
    const RouteTable table{normalize::routeClient(query.client), query.port, query.interception, query.wholeRoutes};
    output.children.push_back({RouteTable::kType, table.key()});
  }
  if (query.interception == Interception::redirect) {
    WildcardListener wildcard(view, query);
    for (const auto* entry : others) {
      wildcard.add(*entry);
      output.children.push_back({TcpListeners::kType, TcpListeners{query.client, query.port, entry->host}.key()});
    }
    wildcard.finish(http, lookUp, output);
    return output;
  }
  if (!http) {
    addSharedListener(view, query, others, output);
    return output;
  }
  output.resources.push_back(httpListener(view, query, lookUp));
  for (const auto* entry : others) {
    view.note({model::Note::Severity::warning, serviceObject(*entry), "spec.ports",
               "port " + std::to_string(query.port) + " is an HTTP port of other services: without interception " +
                   std::string(model::toString(entry->protocol)) + " services cannot share it; use another port number",
               model::Note::Conflict::http_over_tcp});
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
        addServiceChains(view, listener, {query.client, query.host, query.port, model::isTls(entry->protocol)});
    const auto& telemetry = telemetryOf(view, query.client).provenance;
    provenance.insert(provenance.end(), telemetry.begin(), telemetry.end());
    output.resources.push_back(makeResource(Type::listener, listener.name(), listener, std::move(provenance)));
  }
  return output;
}

}  // namespace fairway::translate
