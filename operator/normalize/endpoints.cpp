#include "normalize/endpoints.h"

#include <algorithm>
#include <optional>
#include <set>

#include "api/core.h"
#include "base/strings.h"
#include "normalize/objects.h"
#include "normalize/service_entries.h"
#include "normalize/services.h"
#include "normalize/workload_entries.h"

namespace fairway::normalize {

namespace {

using Slice = api::EndpointSlice;

const api::EndpointSliceSpec::Port* portNamed(const Slice& slice, const std::string& name) {
  for (const auto& port : slice.spec.ports) {
    if (port.name == name && port.number != 0 && (port.protocol.empty() || port.protocol == "TCP")) return &port;
  }
  return nullptr;
}

// Nothing: no traffic may go there.
std::optional<model::Endpoint::Health> healthOf(const api::EndpointSliceSpec::Endpoint& endpoint,
                                                bool publishNotReady) {
  const bool ready = endpoint.ready.value_or(true);
  if (ready || publishNotReady) return model::Endpoint::Health::healthy;
  // Kubernetes: serving is as ready, but for a pod that terminates.
  if (endpoint.serving.value_or(ready) && endpoint.terminating.value_or(false))
    return model::Endpoint::Health::draining;
  return std::nullopt;
}

// Fills in what the pod says. False if the endpoint names a pod that is not there (yet, or any more).
bool addWorkload(store::View& view, const Slice& slice, std::size_t index, model::Endpoint& out) {
  const auto& endpoint = slice.spec.endpoints[index];
  const auto& ns = endpoint.targetNamespace.empty() ? slice.meta.ns : endpoint.targetNamespace;
  // A slice cannot lend the identity of another namespace's pod to its service.
  if (endpoint.targetKind != "Pod" || ns != slice.meta.ns) {
    out.locality = nodeLocality(view, endpoint.nodeName);
    if (out.locality.zone.empty()) out.locality.zone = endpoint.zone;
    return true;
  }
  const auto& workload = view.ask(WorkloadOf{ns, endpoint.targetName});
  if (!workload) {
    warning(view, provenanceOf(slice), "spec.endpoints[" + std::to_string(index) + "].targetRef",
            "pod " + ns + "/" + endpoint.targetName + " does not exist: the endpoint is left out until it does");
    return false;
  }
  out.workloadNs = workload->ns;
  out.workloadName = workload->name;
  out.serviceAccount = workload->serviceAccount;
  out.labels = workload->labels;
  out.locality = workload->locality;
  if (out.locality.zone.empty()) out.locality.zone = endpoint.zone;
  out.meshTls = takesMeshTls(view, *workload, out.port);
  return true;
}

}  // namespace

void keepOnePerAddress(std::vector<model::Endpoint>& endpoints) {
  std::sort(endpoints.begin(), endpoints.end());
  endpoints.erase(std::unique(endpoints.begin(), endpoints.end(),
                              [](const model::Endpoint& a, const model::Endpoint& b) {
                                return a.address == b.address && a.port == b.port;
                              }),
                  endpoints.end());
}

bool takesMeshTls(store::View& view, const model::Workload& workload, std::uint32_t port) {
  return workload.meshTls &&
         view.ask(PeerAuthenticationOf{workload.ns, workload.labels}).modeOf(port) != model::MtlsMode::disable;
}

EndpointsOf::Value endpointsOf(store::View& view, const EndpointsOf& query) {
  const auto& service = view.ask(ServiceOf{query.host});
  if (!service) return {};
  const auto* port = service->port(query.port);
  if (port == nullptr) return {};
  if (service->kind == kServiceEntry) return endpointsOfEntry(view, *service, *port);
  if (service->resolution == model::Service::Resolution::dns) return {};

  EndpointsOf::Value result;
  for (const auto* slice :
       view.lookup<Slice>(store::Index::endpoint_slice_by_service, service->ns + "/" + service->name)) {
    if (slice->spec.addressType != "IPv4" && slice->spec.addressType != "IPv6") continue;
    const auto* slicePort = portNamed(*slice, port->name);
    if (slicePort == nullptr) continue;
    result.endpoints.reserve(result.endpoints.size() + slice->spec.endpoints.size());
    for (std::size_t i = 0; i < slice->spec.endpoints.size(); ++i) {
      const auto& from = slice->spec.endpoints[i];
      const auto health = healthOf(from, service->publishNotReady);
      if (!health) continue;
      model::Endpoint endpoint;
      endpoint.port = slicePort->number;
      endpoint.health = *health;
      if (!addWorkload(view, *slice, i, endpoint)) continue;
      for (const auto& address : from.addresses) {
        endpoint.address = address;
        result.endpoints.push_back(endpoint);
      }
    }
  }
  // A port that is a name of the pods' own means nothing to other machines.
  const auto target = static_cast<std::uint32_t>(toNumber(port->targetPort).value_or(port->number));
  addWorkloadEntries(view, service->ns, service->selector, port->name, target, true, false, result.endpoints);
  // While an endpoint moves between slices it is in both: the healthy one counts, which the order puts first.
  keepOnePerAddress(result.endpoints);
  return result;
}

IdentitiesOf::Value identitiesOf(store::View& view, const IdentitiesOf& query) {
  const auto& service = view.ask(ServiceOf{query.host});
  if (!service) return {};
  std::set<std::string> identities(service->subjectAltNames.begin(), service->subjectAltNames.end());
  std::vector<std::string> prefixes{"spiffe://" + view.mesh().trustDomain + "/ns/"};
  for (const auto& alias : view.ask(MeshSettingsOf{}).trustDomainAliases) {
    prefixes.push_back("spiffe://" + alias + "/ns/");
  }
  for (const auto& port : service->ports) {
    for (const auto& endpoint : view.ask(EndpointsOf{query.host, port.number}).endpoints) {
      if (endpoint.serviceAccount.empty()) continue;
      for (const auto& prefix : prefixes) {
        identities.insert(prefix + endpoint.workloadNs + "/sa/" + endpoint.serviceAccount);
      }
    }
  }
  return {identities.begin(), identities.end()};
}

}  // namespace fairway::normalize
