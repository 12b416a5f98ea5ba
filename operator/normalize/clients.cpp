#include "normalize/clients.h"

#include <algorithm>

#include "api/networking.h"
#include "normalize/hosts.h"
#include "normalize/internal_queries.h"
#include "normalize/queries.h"
#include "normalize/route_context.h"
#include "normalize/sidecars.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using Rule = api::DestinationRule;

template <class Routes>
void addSourceLabels(const Routes& routes, const std::string& ns, ClientTraits& out) {
  for (const auto& route : routes) {
    for (const auto& match : route.match) {
      if (!match.sourceNamespace.empty() && match.sourceNamespace != ns) continue;
      out.labels.insert(match.sourceLabels.begin(), match.sourceLabels.end());
    }
  }
}

void addPolicy(const api::TrafficPolicySpec& policy, ClientTraits& out) {
  const auto* locality =
      policy.loadBalancer && policy.loadBalancer->locality ? &*policy.loadBalancer->locality : nullptr;
  if (policy.outlierDetection || locality != nullptr) out.locality = true;
  if (locality == nullptr) return;
  for (const auto& label : locality->failoverPriority) {
    // With a value it is a question to the endpoints alone.
    if (label.find('=') == std::string::npos) out.names.insert(label);
  }
}

void addRule(const Rule& rule, ClientTraits& out) {
  const auto add = [&](const api::DestinationRuleSpec::Policy& policy) {
    addPolicy(policy, out);
    for (const auto& [port, part] : policy.ports) addPolicy(part, out);
  };
  add(rule.spec.trafficPolicy);
  for (const auto& subset : rule.spec.subsets) add(subset.trafficPolicy);
  out.labels.insert(rule.spec.workloadSelector.begin(), rule.spec.workloadSelector.end());
}

// The mesh's own failover needs failure detection, which only DestinationRules ask for; its distribution needs nothing.
void addMesh(store::View& view, ClientTraits& out) {
  const auto& locality = view.ask(MeshSettingsOf{}).locality;
  if (!locality) return;
  if (!locality->distribute.empty()) out.locality = true;
  if (!out.locality) return;
  for (const auto& label : locality->failoverPriority) {
    if (label.find('=') == std::string::npos) out.names.insert(label);
  }
}

bool isForAll(const std::vector<std::string>& exportTo) {
  return exportTo.empty() || std::find(exportTo.begin(), exportTo.end(), "*") != exportTo.end();
}

void addNamespaces(const std::vector<std::string>& exportTo, const std::string& own, ClientTraits& out) {
  out.namespaces.insert(own);
  out.namespaces.insert(exportTo.begin(), exportTo.end());
}

model::Labels reduced(const model::Labels& labels, const ClientTraits& traits, bool names) {
  model::Labels result;
  for (const auto& label : labels) {
    if (traits.labels.contains({label.first, label.second}) || (names && traits.names.contains(label.first))) {
      result.insert(label);
    }
  }
  return result;
}

}  // namespace

std::string ClientOf::key() const {
  model::Client client(ns);
  client.labels = labels;
  client.locality = locality;
  return clientKey(client);
}

ClientOf ClientOf::parse(std::string_view key) {
  auto client = parseClientKey(key);
  return {std::move(client.ns), std::move(client.labels), std::move(client.locality)};
}

NamespaceTraits::Value namespaceTraits(store::View& view, const NamespaceTraits& query) {
  ClientTraits traits;
  for (const auto* object : view.lookup<api::VirtualService>(store::Index::virtual_service_by_client, "labels")) {
    // Who sees a delegate is a matter of who includes it.
    if (!object->spec.hosts.empty() && !isVisibleTo(view, *object, query.ns)) continue;
    addSourceLabels(object->spec.http, query.ns, traits);
    addSourceLabels(object->spec.tls, query.ns, traits);
    addSourceLabels(object->spec.tcp, query.ns, traits);
  }
  for (const auto* key : {"labels", "locality"}) {
    for (const auto* rule : view.lookup<Rule>(store::Index::destination_rule_by_client, key)) {
      const bool own = rule->meta.ns == query.ns;
      if (!own && !rule->spec.workloadSelector.empty()) continue;
      if (own || isVisible(rule->spec.exportTo, rule->meta.ns, query.ns)) addRule(*rule, traits);
    }
  }
  addMesh(view, traits);
  return traits;
}

HostTraits::Value hostTraits(store::View& view, const HostTraits& query) {
  ClientTraits traits;
  const auto& service = view.ask(ServiceOf{query.host});
  if (service && !isForAll(service->exportTo)) addNamespaces(service->exportTo, service->ns, traits);
  for (const auto& candidate : view.ask(HostDestinationRules{query.host})) {
    const auto* rule = view.get<Rule>(candidate.ns, candidate.name);
    if (rule == nullptr) continue;
    addRule(*rule, traits);
    const auto& exportTo =
        rule->spec.exportTo.empty() ? view.ask(MeshSettingsOf{}).destinationRulesTo : rule->spec.exportTo;
    // Where every client looks after its own namespace, what everyone may see is the same for all (applicableRules()).
    const bool shared = rule->meta.ns == view.mesh().rootNamespace || (service && rule->meta.ns == service->ns);
    if (!shared || !isForAll(exportTo) || !rule->spec.workloadSelector.empty()) {
      addNamespaces(exportTo, rule->meta.ns, traits);
    }
  }
  addMesh(view, traits);
  return traits;
}

ClientOf::Value clientOf(store::View& view, const ClientOf& query) {
  const auto& traits = view.ask(NamespaceTraits{query.ns});
  model::Client client(query.ns);
  client.labels = reduced(query.labels, traits, true);
  if (traits.locality) client.locality = query.locality;
  client.sidecar = view.ask(SidecarFor{query.ns, query.labels});
  client.telemetry = view.ask(TelemetryFor{query.ns, query.labels});
  return client;
}

model::Client policyClient(store::View& view, const model::Client& client, const std::string& host) {
  model::Client result;
  if (client.ns.empty()) return result;
  const auto& traits = view.ask(HostTraits{host});
  if (!traits.namespaces.contains(client.ns)) return result;
  result.ns = client.ns;
  result.labels = reduced(client.labels, traits, false);
  return result;
}

model::Client clusterClient(store::View& view, const model::Client& client, const std::string& host) {
  const auto& traits = view.ask(HostTraits{host});
  model::Client result;
  if (traits.namespaces.contains(client.ns)) result.ns = client.ns;
  result.labels = reduced(client.labels, traits, true);
  if (traits.locality) result.locality = client.locality;
  return result;
}

model::Client routeClient(const model::Client& client) {
  auto result = client;
  result.locality = {};
  result.telemetry.clear();
  return result;
}

model::Client listenerClient(const model::Client& client) {
  auto result = client;
  result.locality = {};
  return result;
}

}  // namespace fairway::normalize
