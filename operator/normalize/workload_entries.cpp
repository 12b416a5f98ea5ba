#include "normalize/workload_entries.h"

#include <algorithm>

#include "api/core.h"
#include "api/service_entry.h"
#include "api/validate.h"
#include "base/strings.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using Entry = api::WorkloadEntry;

constexpr const char* kTlsModeLabel = "security.istio.io/tlsMode";

model::Locality localityOf(const std::string& text) {
  const auto parts = split(text, '/');
  model::Locality locality;
  if (!parts.empty()) locality.region = parts[0];
  if (parts.size() > 1) locality.zone = parts[1];
  if (parts.size() > 2) locality.subzone = parts[2];
  return locality;
}

}  // namespace

model::Endpoint endpointOf(const api::WorkloadEntrySpec& from, const std::string& ns, const std::string& portName,
                           std::uint32_t target, bool internal) {
  model::Endpoint to;
  to.address = toLower(from.address);
  const auto own = from.ports.find(portName);
  to.port = own != from.ports.end() ? own->second : target;
  to.locality = localityOf(from.locality);
  to.labels = from.labels;
  to.weight = from.weight;
  if (!from.serviceAccount.empty()) {
    to.serviceAccount = from.serviceAccount;
    to.workloadNs = ns;
  }
  const auto mode = from.labels.find(kTlsModeLabel);
  // Who has an identity of the mesh has a proxy, if nothing else is said.
  to.meshTls = internal && (mode == from.labels.end() ? !from.serviceAccount.empty() : mode->second == "istio");
  return to;
}

void addWorkloadEntries(store::View& view, const std::string& ns, const model::Labels& selector,
                        const std::string& portName, std::uint32_t target, bool internal, bool names,
                        std::vector<model::Endpoint>& out) {
  if (selector.empty()) return;
  for (const auto* entry : view.list<Entry>(ns)) {
    if (!entry->valid() || !api::selects(selector, entry->spec.labels)) continue;
    if (!entry->spec.healthy || (!names && !api::isIp(entry->spec.address))) continue;
    auto endpoint = endpointOf(entry->spec, ns, portName, target, internal);
    if (endpoint.port == 0) continue;
    endpoint.workloadNs = ns;
    endpoint.workloadName = entry->meta.name;
    out.push_back(std::move(endpoint));
  }
}

std::string MachineOf::key() const { return store::joinKey({ns, serviceAccount, join(ips, ",")}); }

MachineOf MachineOf::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1), split(fields.at(2), ',')};
}

MachineOf::Value machineOf(store::View& view, const MachineOf& query) {
  for (const auto* entry : view.list<Entry>(query.ns)) {
    const auto& spec = entry->spec;
    if (!entry->valid() || std::find(query.ips.begin(), query.ips.end(), toLower(spec.address)) == query.ips.end())
      continue;
    if (!spec.serviceAccount.empty() && spec.serviceAccount != query.serviceAccount) continue;
    model::Workload result;
    result.ns = query.ns;
    result.name = result.workload = entry->meta.name;
    result.serviceAccount = query.serviceAccount;
    result.labels = spec.labels;
    result.locality = localityOf(spec.locality);
    for (const auto& [name, number] : spec.ports) result.namedPorts.emplace(name, number);
    return result;
  }
  return std::nullopt;
}

// Labels as pairs of fields: they may hold any text.
std::string MachinePortsOf::key() const {
  auto key = store::joinKey({ns});
  for (const auto& [name, value] : labels) key += "|" + store::joinKey({name, value});
  return key;
}

MachinePortsOf MachinePortsOf::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  MachinePortsOf query{fields.at(0), {}};
  for (std::size_t i = 1; i + 1 < fields.size(); i += 2) query.labels.emplace(fields[i], fields[i + 1]);
  return query;
}

MachinePortsOf::Value machinePortsOf(store::View& view, const MachinePortsOf& query) {
  MachinePortsOf::Value result;
  for (const auto* entry : view.list<Entry>(query.ns)) {
    if (!entry->valid() || entry->spec.labels != query.labels) continue;
    if (!result) result.emplace();
    for (const auto& [name, number] : entry->spec.ports) {
      auto& numbers = (*result)[name];
      const auto at = std::lower_bound(numbers.begin(), numbers.end(), number);
      if (at == numbers.end() || *at != number) numbers.insert(at, number);
    }
  }
  return result;
}

WorkloadEntryCheck WorkloadEntryCheck::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

WorkloadEntryCheck::Value workloadEntryCheck(store::View& view, const WorkloadEntryCheck& query) {
  const auto* entry = view.get<Entry>(query.ns, query.name);
  if (entry == nullptr) return {};
  if (!entry->valid()) {
    error(view, provenanceOf(*entry), "spec", "it has errors and is left out: no service leads there");
    return {};
  }
  if (!entry->spec.healthy) {
    info(view, provenanceOf(*entry), "status.conditions",
         "its health is checked (annotation proxy.istio.io/health-checks-enabled) and the condition Healthy is not "
         "True: nothing leads "
         "there until it is");
  }
  bool selected = false;
  bool names = false;
  for (const auto* service : view.list<api::Service>(query.ns)) {
    selected =
        selected || (!service->spec.selector.empty() && api::selects(service->spec.selector, entry->spec.labels));
  }
  for (const auto* service : view.list<api::ServiceEntry>(query.ns)) {
    const auto& selector = service->spec.workloadSelector;
    if (selector.empty() || !api::selects(selector, entry->spec.labels)) continue;
    selected = true;
    names = names || service->spec.resolution == api::ServiceEntrySpec::Resolution::dns;
  }
  if (!selected) {
    info(view, provenanceOf(*entry), "spec.labels",
         "no Service and no ServiceEntry of its namespace selects it: nothing leads there");
  } else if (!names && !api::isIp(entry->spec.address)) {
    warning(
        view, provenanceOf(*entry), "spec.address",
        "found the name " + entry->spec.address +
            ", which only a ServiceEntry with resolution DNS looks up: nothing leads there; expected an IP address");
  }
  return {};
}

}  // namespace fairway::normalize
