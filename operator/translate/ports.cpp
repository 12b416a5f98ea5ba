#include "translate/ports.h"

#include <algorithm>
#include <set>

#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/queries.h"
#include "normalize/sidecars.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/names.h"

namespace fairway::translate {

using store::joinKey;
using store::splitKey;

std::string PortHosts::key() const { return numberField(port); }
PortHosts PortHosts::parse(std::string_view key) { return {parseNumber(key)}; }

std::string PortHostOf::key() const { return joinKey({numberField(port), host}); }
PortHostOf PortHostOf::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {parseNumber(fieldAt(fields, 0)), fieldAt(fields, 1)};
}

std::string HeadlessTable::key() const { return numberField(port); }
HeadlessTable HeadlessTable::parse(std::string_view key) { return {parseNumber(key)}; }

std::string HeadlessAddresses::key() const { return joinKey({numberField(port), host}); }
HeadlessAddresses HeadlessAddresses::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {parseNumber(fieldAt(fields, 0)), fieldAt(fields, 1)};
}

namespace {

// An address as it stands in a Host header.
std::string domainOf(const std::string& address) {
  return address.find(':') == std::string::npos ? toLower(address) : "[" + toLower(address) + "]";
}

// "reviews.default.svc.cluster.local" -> {"reviews.default.svc", "reviews.default"}; nothing for other hosts.
std::vector<std::string> aliasesOf(const PortHost& entry) {
  const std::string full = entry.name + "." + entry.ns + ".svc";
  if (entry.name.empty() || entry.host.compare(0, full.size() + 1, full + ".") != 0) return {};
  return {full, entry.name + "." + entry.ns};
}

void claimDomains(std::vector<PortHost>& entries) {
  std::set<std::string> taken;
  for (auto& entry : entries) {
    taken.insert(entry.host);
    entry.domains = {entry.host};
  }
  for (auto& entry : entries) {
    auto wanted = aliasesOf(entry);
    for (const auto& address : entry.addresses) wanted.push_back(domainOf(address));
    for (const auto& domain : wanted) {
      if (taken.insert(domain).second) entry.domains.push_back(domain);
    }
  }
  for (auto& entry : entries) {
    if (!entry.podNames || taken.contains(podsHost(entry.host))) continue;
    auto wanted = aliasesOf(entry);
    wanted.insert(wanted.begin(), entry.host);
    for (const auto& name : wanted) {
      if (taken.insert(podsHost(name)).second) entry.podDomains.push_back(podsHost(name));
    }
  }
  std::set<std::pair<std::string, std::string>> shortNames;
  for (auto& entry : entries) {
    entry.shortName =
        !aliasesOf(entry).empty() && !taken.contains(entry.name) && shortNames.emplace(entry.ns, entry.name).second;
  }
}

using TakenAddresses = std::set<std::pair<std::uint32_t, std::string>>;

// As in Istio: where VirtualServices route a host that no registry has, it is on this port.
constexpr std::uint32_t kRoutedHostsPort = 80;

PortHost entryOf(const model::Service& service, const model::ServicePort& port, TakenAddresses& taken) {
  using Resolution = model::Service::Resolution;
  const bool fromService = service.kind == "Service";
  PortHost entry;
  entry.host = toLower(service.host);
  entry.kind = service.kind;
  entry.ns = service.ns;
  entry.name = service.name;
  entry.protocol = port.protocol;
  entry.exportTo = service.exportTo;
  entry.dynamic = service.resolution == Resolution::dynamic_dns;
  entry.headless = fromService && service.resolution != Resolution::dns && !model::isHttp(port.protocol) &&
                   (service.headless || service.resolution == Resolution::original_dst);
  entry.podNames = fromService && service.headless && model::isHttp(port.protocol);
  entry.anyAddress = !fromService && service.addresses.empty();
  for (const auto& address : service.addresses) {
    if (address.find('/') != std::string::npos) {
      entry.ranges.push_back(address);
    } else if (taken.emplace(port.number, address).second) {
      entry.addresses.push_back(address);
    }
  }
  return entry;
}

void addRoutedHosts(store::View& view, std::vector<PortHost>& entries) {
  const auto& known = view.ask(normalize::AllHosts{});
  for (const auto& host : view.ask(normalize::MeshRouteHosts{})) {
    // A wildcard over hosts of the registry is about these.
    const bool registered = host.starts_with('*')
                                ? std::any_of(known.begin(), known.end(),
                                              [&](const auto& other) { return normalize::matchesHost(host, other); })
                                : std::binary_search(known.begin(), known.end(), host);
    if (registered) continue;
    PortHost entry;
    entry.host = host;
    entry.kind = "VirtualService";
    entry.protocol = model::Protocol::http;
    entries.push_back(std::move(entry));
  }
}

}  // namespace

PortTable::Value computePortTable(store::View& view, const PortTable&) {
  PortTable::Value table;
  TakenAddresses taken;
  for (const auto& host : view.ask(normalize::AllHosts{})) {
    const auto& service = view.ask(normalize::ServiceOf{host});
    if (!service) continue;
    for (const auto& port : service->ports) {
      if (port.protocol == model::Protocol::udp || service->port(port.number) != &port) continue;
      table[port.number].push_back(entryOf(*service, port, taken));
    }
  }
  addRoutedHosts(view, table[kRoutedHostsPort]);
  if (table[kRoutedHostsPort].empty()) table.erase(kRoutedHostsPort);
  for (auto& [port, entries] : table) {
    std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.host < b.host; });
    claimDomains(entries);
  }
  return table;
}

OutboundPorts::Value computeOutboundPorts(store::View& view, const OutboundPorts&) {
  OutboundPorts::Value ports;
  for (const auto& [port, entries] : view.ask(PortTable{})) ports.push_back(port);
  return ports;
}

PortHosts::Value computePortHosts(store::View& view, const PortHosts& query) {
  const auto& table = view.ask(PortTable{});
  const auto found = table.find(query.port);
  return found == table.end() ? PortHosts::Value{} : found->second;
}

PortHostOf::Value computePortHost(store::View& view, const PortHostOf& query) {
  const auto& entries = view.ask(PortHosts{query.port});
  const auto found = std::lower_bound(entries.begin(), entries.end(), query.host,
                                      [](const PortHost& entry, const std::string& host) { return entry.host < host; });
  return found != entries.end() && found->host == query.host ? PortHostOf::Value(*found) : std::nullopt;
}

std::vector<const PortHost*> hostsAt(store::View& view, const model::Client& client, std::uint32_t port) {
  std::vector<const PortHost*> result;
  const std::vector<std::string>* imported = nullptr;
  if (!client.sidecar.empty()) {
    const auto& sidecar = view.ask(normalize::SidecarOf{client.ns, client.sidecar});
    const auto listener = sidecar ? normalize::listenerFor(*sidecar, port) : std::nullopt;
    if (sidecar && !listener) return result;
    if (listener) imported = &view.ask(normalize::EgressHosts{client.ns, client.sidecar, *listener});
  }
  for (const auto& entry : view.ask(PortHosts{port})) {
    // Requests to HTTP hosts that the client does not see are answered like those to unknown ones.
    const bool visible = normalize::isVisible(entry.exportTo, entry.ns, client.ns);
    if (!visible && (imported != nullptr || !model::isHttp(entry.protocol))) continue;
    if (imported == nullptr || std::binary_search(imported->begin(), imported->end(), entry.host)) {
      result.push_back(&entry);
    }
  }
  return result;
}

HeadlessTable::Value computeHeadlessTable(store::View& view, const HeadlessTable& query) {
  HeadlessTable::Value table;
  const auto& entries = view.ask(PortHosts{query.port});
  std::set<std::string> taken;
  for (const auto& entry : entries) taken.insert(entry.addresses.begin(), entry.addresses.end());
  for (const auto& entry : entries) {
    if (!entry.headless) continue;
    for (const auto& endpoint : view.ask(normalize::EndpointsOf{entry.host, query.port}).endpoints) {
      if (taken.insert(endpoint.address).second) table[entry.host].push_back(endpoint.address);
    }
  }
  return table;
}

HeadlessAddresses::Value computeHeadlessAddresses(store::View& view, const HeadlessAddresses& query) {
  const auto& table = view.ask(HeadlessTable{query.port});
  const auto found = table.find(query.host);
  return found == table.end() ? HeadlessAddresses::Value{} : found->second;
}

}  // namespace fairway::translate
