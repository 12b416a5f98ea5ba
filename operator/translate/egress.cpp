#include <algorithm>

#include <envoy/config/core/v3/address.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>

#include "normalize/clients.h"
#include "normalize/queries.h"
#include "normalize/sidecars.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/names.h"
#include "translate/outbound.h"
#include "translate/outbound_parts.h"
#include "translate/unknown.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::listener::v3::Listener;
using model::Sidecar;
using store::joinKey;
using store::splitKey;

std::string EgressListener::key() const {
  return joinKey({normalize::clientKey(client), numberField(listener), toString(interception), listField(addresses)});
}
EgressListener EgressListener::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {normalize::parseClientKey(fieldAt(fields, 0)), parseNumber(fieldAt(fields, 1)),
          parseInterception(fieldAt(fields, 2)), parseList(fieldAt(fields, 3))};
}

namespace {

// Connections to an intercepted port are told apart by where they go; those to this socket all go to it.
void initEgress(Listener& out, const EgressListener& query, const Sidecar::Egress& listener) {
  if (!listener.atSocket()) {
    const bool own = !listener.bind.empty() || query.interception == Interception::redirect;
    const auto addresses = own ? std::vector<std::string>{bindOf(listener)} : query.addresses;
    initListener(out, listenerName(addresses.front(), listener.port), addresses, listener.port, true);
    return;
  }
  out.set_name(listener.bind);
  out.set_traffic_direction(envoy::config::core::v3::OUTBOUND);
  auto path = listener.bind.substr(std::string_view("unix://").size());
  auto& pipe = *out.mutable_address()->mutable_pipe();
  // Envoy refuses a mode for an abstract name.
  if (!path.starts_with('@')) pipe.set_mode(0666);
  pipe.set_path(std::move(path));
}

// The hosts that are not HTTP, at the listener's port; at a socket each at its first.
std::vector<const PortHost*> plainHosts(store::View& view, const EgressListener& query, const Sidecar::Egress& listener,
                                        std::uint32_t& port) {
  std::vector<const PortHost*> result;
  for (const auto& host : view.ask(normalize::EgressHosts{query.client.ns, query.client.sidecar, query.listener})) {
    if (listener.atSocket()) {
      const auto& service = view.ask(normalize::ServiceOf{host});
      if (!service || !result.empty()) continue;
      const auto plain = std::find_if(service->ports.begin(), service->ports.end(), [](const auto& one) {
        return !model::isHttp(one.protocol) && one.protocol != model::Protocol::udp;
      });
      if (plain == service->ports.end()) continue;
      port = plain->number;
    }
    const auto& entry = view.ask(PortHostOf{port, host});
    if (entry && !model::isHttp(entry->protocol)) result.push_back(&*entry);
  }
  return result;
}

}  // namespace

Output computeEgressListener(store::View& view, const EgressListener& query) {
  Output output;
  const auto& sidecar = view.ask(normalize::SidecarOf{query.client.ns, query.client.sidecar});
  if (!sidecar || query.listener >= sidecar->egress.size()) return output;
  const auto& listener = sidecar->egress[query.listener];
  Listener out;
  initEgress(out, query, listener);
  std::vector<model::Provenance> provenance = telemetryOf(view, query.client).provenance;
  provenance.push_back(sidecar->provenance);
  if (model::isHttp(listener.protocol)) {
    RouteTable table{normalize::routeClient(query.client), listener.port, query.interception, true};
    table.listener = query.listener;
    output.children.push_back({RouteTable::kType, table.key()});
    addHttpChain(view, query.client, egressTableName(bindOf(listener), listener.port), false, out);
  } else {
    auto port = listener.port;
    const auto hosts = plainHosts(view, query, listener, port);
    const auto objects = addSharedChains(view, out, query.client, port, hosts);
    provenance.insert(provenance.end(), objects.begin(), objects.end());
  }
  if (out.filter_chains().empty()) {
    view.note({model::Note::Severity::warning, sidecar->provenance, listener.field,
               "none of its hosts has a port " +
                   (listener.port == 0 ? std::string() : std::to_string(listener.port) + " ") +
                   "that is not HTTP: there is no listener"});
    return output;
  }
  output.resources.push_back(makeResource(Type::listener, out.name(), out, std::move(provenance)));
  return output;
}

}  // namespace fairway::translate
