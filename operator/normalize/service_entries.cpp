#include "normalize/service_entries.h"

#include <algorithm>

#include "api/core.h"
#include "api/service_entry.h"
#include "base/strings.h"
#include "normalize/endpoints.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"
#include "normalize/workload_entries.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using Entry = api::ServiceEntry;
using Resolution = model::Service::Resolution;

// Whose host it is among ServiceEntries; null if none is usable.
const Entry* ownerOf(store::View& view, const std::string& host) {
  auto entries = view.lookup<Entry>(store::Index::service_entry_by_host, host);
  std::erase_if(entries, [](const Entry* entry) { return !entry->valid(); });
  sortOldestFirst(entries);
  return entries.empty() ? nullptr : entries.front();
}

Resolution convert(api::ServiceEntrySpec::Resolution resolution) {
  switch (resolution) {
    case api::ServiceEntrySpec::Resolution::none: return Resolution::original_dst;
    case api::ServiceEntrySpec::Resolution::static_addresses: return Resolution::endpoints;
    case api::ServiceEntrySpec::Resolution::dns: return Resolution::dns;
    case api::ServiceEntrySpec::Resolution::dns_round_robin: return Resolution::dns_one;
    case api::ServiceEntrySpec::Resolution::dynamic_dns: return Resolution::dynamic_dns;
  }
  return Resolution::endpoints;
}

std::uint32_t targetOf(const api::ServiceEntrySpec::Port& port) {
  return port.targetPort != 0 ? port.targetPort : port.number;
}

// The pods that the selector takes, as far as they can be sent anything.
void addPods(store::View& view, const Entry& entry, std::uint32_t port, std::vector<model::Endpoint>& out) {
  for (const auto* pod : view.select<api::Pod>(entry.meta.ns, entry.spec.workloadSelector)) {
    const bool ready = pod->spec.ready.value_or(true);
    if (!ready && !pod->meta.deleting) continue;
    const auto& workload = view.ask(WorkloadOf{pod->meta.ns, pod->meta.name});
    if (!workload) continue;
    model::Endpoint endpoint;
    endpoint.port = port;
    endpoint.health = pod->meta.deleting ? model::Endpoint::Health::draining : model::Endpoint::Health::healthy;
    endpoint.locality = workload->locality;
    endpoint.labels = workload->labels;
    endpoint.workloadNs = workload->ns;
    endpoint.workloadName = workload->name;
    endpoint.serviceAccount = workload->serviceAccount;
    endpoint.meshTls = takesMeshTls(view, *workload, port);
    for (const auto& address : workload->ips) {
      endpoint.address = address;
      out.push_back(endpoint);
    }
  }
}

}  // namespace

std::optional<model::Service> serviceOfEntry(store::View& view, const std::string& host) {
  const auto* entry = ownerOf(view, host);
  if (entry == nullptr) return std::nullopt;
  const auto& spec = entry->spec;
  model::Service result;
  result.kind = kServiceEntry;
  result.host = host;
  result.ns = entry->meta.ns;
  result.name = entry->meta.name;
  result.resolution = convert(spec.resolution);
  result.addresses = spec.addresses;
  result.external = spec.location == api::ServiceEntrySpec::Location::external;
  result.exportTo = spec.exportTo.empty() ? view.ask(MeshSettingsOf{}).servicesTo : spec.exportTo;
  result.subjectAltNames = spec.subjectAltNames;
  for (const auto& from : spec.ports) {
    model::ServicePort port;
    port.name = from.name;
    port.number = from.number;
    port.protocol = gatewayProtocol(from.protocol).value_or(model::Protocol::tcp);
    port.targetPort = std::to_string(targetOf(from));
    result.ports.push_back(std::move(port));
  }
  return result;
}

model::Endpoints endpointsOfEntry(store::View& view, const model::Service& service, const model::ServicePort& port) {
  model::Endpoints result;
  const auto* entry = view.get<Entry>(service.ns, service.name);
  if (entry == nullptr) return result;
  const auto& ports = entry->spec.ports;
  const auto from = std::find_if(ports.begin(), ports.end(), [&](const auto& p) { return p.number == port.number; });
  if (from == ports.end()) return result;
  const bool internal = !service.external;
  const bool looksUp = service.resolution != Resolution::dynamic_dns;
  for (const auto& endpoint : entry->spec.endpoints) {
    if (looksUp)
      result.endpoints.push_back(endpointOf(endpoint, entry->meta.ns, from->name, targetOf(*from), internal));
  }
  const bool byDns = service.resolution == Resolution::dns || service.resolution == Resolution::dns_one;
  const auto& selector = entry->spec.workloadSelector;
  if (byDns && result.endpoints.empty() && selector.empty() && !service.host.starts_with('*')) {
    model::Endpoint self;
    self.address = service.host;
    self.port = targetOf(*from);
    result.endpoints.push_back(std::move(self));
  }
  if (!selector.empty()) {
    addPods(view, *entry, targetOf(*from), result.endpoints);
    addWorkloadEntries(view, entry->meta.ns, selector, from->name, targetOf(*from), internal, byDns, result.endpoints);
  }
  keepOnePerAddress(result.endpoints);
  return result;
}

std::vector<std::string> hostsOfEntriesFor(store::View& view, const std::string& ns, const model::Labels& labels) {
  std::vector<std::string> hosts;
  for (const auto* entry : view.list<Entry>(ns)) {
    const auto& selector = entry->spec.workloadSelector;
    if (!entry->valid() || selector.empty() || !api::selects(selector, labels)) continue;
    for (const auto& host : entry->spec.hosts) {
      const bool own = view.lookup<api::Service>(store::Index::service_by_host, host).empty();
      if (own && ownerOf(view, host) == entry) hosts.push_back(host);
    }
  }
  return hosts;
}

ServiceEntryCheck ServiceEntryCheck::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

ServiceEntryCheck::Value serviceEntryCheck(store::View& view, const ServiceEntryCheck& query) {
  const auto* entry = view.get<Entry>(query.ns, query.name);
  if (entry == nullptr) return {};
  if (!entry->valid()) {
    error(view, provenanceOf(*entry), "spec",
          "it has errors and is left out: its hosts are unknown to the mesh, or another ServiceEntry's");
    return {};
  }
  for (std::size_t i = 0; entry->spec.addresses.empty() && i < entry->spec.ports.size(); ++i) {
    const auto& port = entry->spec.ports[i];
    if (port.number == 0 || !isOpaque(port.protocol)) continue;
    warning(view, provenanceOf(*entry), "spec.ports[" + std::to_string(i) + "]",
            "port " + std::to_string(port.number) + " speaks " + (port.protocol.empty() ? "TCP" : port.protocol) +
                ", and the entry has no addresses: none is allocated, so connections to any address at this port count "
                "as meant for " +
                (entry->spec.hosts.empty() ? std::string("it") : entry->spec.hosts.front()) +
                "; add spec.addresses, at which clients reach the host");
  }
  for (const auto& host : entry->spec.hosts) {
    const auto services = view.lookup<api::Service>(store::Index::service_by_host, host);
    const auto* owner = ownerOf(view, host);
    if (!services.empty()) {
      warning(view, provenanceOf(*entry), "spec.hosts",
              "host " + host + " is that of " + provenanceOf(*services.front()).toString() +
                  ", which decides: it has no effect here");
    } else if (owner != entry) {
      warning(view, provenanceOf(*entry), "spec.hosts",
              "host " + host + " is defined by the older " + provenanceOf(*owner).toString() +
                  ", which decides: it has no effect here; put the ports and endpoints into one ServiceEntry");
    }
  }
  return {};
}

}  // namespace fairway::normalize
