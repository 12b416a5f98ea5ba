#include "normalize/service_entries.h"

#include <algorithm>

#include "api/core.h"
#include "api/service_entry.h"
#include "base/strings.h"
#include "normalize/endpoints.h"
#include "normalize/objects.h"
#include "normalize/protocol.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using Entry = api::ServiceEntry;
using Resolution = model::Service::Resolution;

constexpr const char* kTlsModeLabel = "security.istio.io/tlsMode";

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

model::Locality localityOf(const std::string& text) {
  const auto parts = split(text, '/');
  model::Locality locality;
  if (!parts.empty()) locality.region = parts[0];
  if (parts.size() > 1) locality.zone = parts[1];
  if (parts.size() > 2) locality.subzone = parts[2];
  return locality;
}

model::Endpoint writtenEndpoint(const Entry& entry, const api::ServiceEntrySpec::Endpoint& from,
                                const api::ServiceEntrySpec::Port& port) {
  model::Endpoint to;
  to.address = toLower(from.address);
  const auto own = from.ports.find(port.name);
  to.port = own != from.ports.end() ? own->second : targetOf(port);
  to.locality = localityOf(from.locality);
  to.labels = from.labels;
  to.weight = from.weight;
  if (!from.serviceAccount.empty()) {
    to.serviceAccount = from.serviceAccount;
    to.workloadNs = entry.meta.ns;
  }
  const auto mode = from.labels.find(kTlsModeLabel);
  to.meshTls = entry.spec.location == api::ServiceEntrySpec::Location::internal && mode != from.labels.end() &&
               mode->second == "istio";
  return to;
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
  result.exportTo = spec.exportTo;
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
  for (const auto& endpoint : entry->spec.endpoints) {
    result.endpoints.push_back(writtenEndpoint(*entry, endpoint, *from));
  }
  const bool byDns = service.resolution == Resolution::dns || service.resolution == Resolution::dns_one;
  if (byDns && result.endpoints.empty() && !service.host.starts_with('*')) {
    model::Endpoint self;
    self.address = service.host;
    self.port = targetOf(*from);
    result.endpoints.push_back(std::move(self));
  }
  if (!entry->spec.workloadSelector.empty()) addPods(view, *entry, targetOf(*from), result.endpoints);
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
