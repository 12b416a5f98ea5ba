#include "translate/outbound_parts.h"

#include <set>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>

#include "normalize/queries.h"
#include "translate/http.h"
#include "translate/tcp.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::listener::v3::Listener;

model::Provenance serviceObject(const PortHost& entry) { return {entry.kind, entry.ns, entry.name, {}}; }

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

const model::Telemetry& telemetryOf(store::View& view, const model::Client& client) {
  return view.ask(normalize::TelemetryOf{client.ns, client.telemetry});
}

void addHttpChain(store::View& view, const model::Client& client, const std::string& routeName, bool lookUp,
                  Listener& listener) {
  HttpManager manager;
  manager.side = HttpSide::outbound;
  manager.statPrefix = "outbound_" + listener.name();
  manager.routeName = routeName;
  manager.lookUp = lookUp;
  manager.telemetry = &telemetryOf(view, client).client;
  manager.ns = client.ns;
  addHttpManager(view, *listener.add_filter_chains(), manager);
}

std::vector<model::Provenance> addSharedChains(store::View& view, Listener& listener, const model::Client& client,
                                               std::uint32_t port, const std::vector<const PortHost*>& entries) {
  std::vector<model::Provenance> provenance;
  std::set<std::string> taken;
  const PortHost* rest = nullptr;
  for (const auto* entry : entries) {
    const L4Service service{client, entry->host, port, model::isTls(entry->protocol)};
    if (service.tls) {
      const auto own = addNamedChains(view, listener, service, serverNames(*entry, client.ns), taken);
      provenance.insert(provenance.end(), own.begin(), own.end());
    } else if (!rest) {
      rest = entry;
    } else {
      view.note({model::Note::Severity::warning, serviceObject(*entry), "spec.ports",
                 "port " + std::to_string(port) + ": without interception one TCP service can have a port, and " +
                     rest->host + " has it; use another port number",
                 model::Note::Conflict::tcp_over_tcp});
    }
  }
  if (rest) {
    const auto own = addServiceChains(view, listener, {client, rest->host, port, false});
    provenance.insert(provenance.end(), own.begin(), own.end());
  }
  return provenance;
}

}  // namespace fairway::translate
