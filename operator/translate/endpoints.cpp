#include "translate/endpoints.h"

#include <algorithm>
#include <map>

#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <google/protobuf/arena.h>

#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/clusters.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace core = envoy::config::core::v3;
using model::Endpoint;
using store::joinKey;
using store::splitKey;

std::string EndpointsUnit::key() const { return joinKey({host, numberField(port), subset, mapField(labels)}); }
EndpointsUnit EndpointsUnit::parse(std::string_view key) {
  const auto fields = splitKey(key);
  return {fieldAt(fields, 0), parseNumber(fieldAt(fields, 1)), fieldAt(fields, 2), parseMap(fieldAt(fields, 3))};
}

namespace {

// Endpoints that end are used only while there is no other, as kube-proxy does.
core::HealthStatus healthOf(const Endpoint& endpoint, bool anyHealthy) {
  switch (endpoint.health) {
    case Endpoint::Health::healthy: return core::HEALTHY;
    case Endpoint::Health::draining: return anyHealthy ? core::DRAINING : core::HEALTHY;
    case Endpoint::Health::unhealthy: return core::UNHEALTHY;
  }
  return core::UNHEALTHY;
}

std::string label(const Endpoint& endpoint, const std::string& name) {
  const auto found = endpoint.labels.find(name);
  return found == endpoint.labels.end() ? std::string() : found->second;
}

void addEndpoint(envoy::config::endpoint::v3::LocalityLbEndpoints& locality, const Endpoint& endpoint,
                 bool anyHealthy) {
  auto& out = *locality.add_lb_endpoints();
  setAddress(*out.mutable_endpoint()->mutable_address(), endpoint.address, endpoint.port);
  out.set_health_status(healthOf(endpoint, anyHealthy));
  out.mutable_load_balancing_weight()->set_value(endpoint.weight);
  const auto metadata = [&](const char* filter) -> google::protobuf::Struct& {
    return (*out.mutable_metadata()->mutable_filter_metadata())[filter];
  };
  if (endpoint.meshTls) setText(metadata("envoy.transport_socket_match"), "tlsMode", "istio");
  if (!endpoint.workloadName.empty()) {
    // "name;namespace;app;version;cluster"
    setText(metadata("istio"), "workload",
            endpoint.workloadName + ";" + endpoint.workloadNs + ";" + label(endpoint, "app") + ";" +
                label(endpoint, "version") + ";");
  }
}

}  // namespace

bool selects(const model::Labels& selector, const model::Labels& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
    const auto found = labels.find(pair.first);
    return found != labels.end() && found->second == pair.second;
  });
}

void addLocalities(envoy::config::endpoint::v3::ClusterLoadAssignment& out,
                   const std::vector<const Endpoint*>& endpoints) {
  std::map<model::Locality, std::vector<const Endpoint*>> localities;
  bool anyHealthy = false;
  for (const auto* endpoint : endpoints) {
    localities[endpoint->locality].push_back(endpoint);
    anyHealthy = anyHealthy || endpoint->health == Endpoint::Health::healthy;
  }
  for (const auto& [where, members] : localities) {
    auto& locality = *out.add_endpoints();
    locality.mutable_locality()->set_region(where.region);
    locality.mutable_locality()->set_zone(where.zone);
    locality.mutable_locality()->set_sub_zone(where.subzone);
    std::uint32_t weight = 0;
    locality.mutable_lb_endpoints()->Reserve(static_cast<int>(members.size()));
    for (const auto* endpoint : members) {
      weight += endpoint->weight;
      addEndpoint(locality, *endpoint, anyHealthy);
    }
    locality.mutable_load_balancing_weight()->set_value(weight);
  }
}

Output computeEndpoints(store::View& view, const EndpointsUnit& query) {
  const auto& all = view.ask(normalize::EndpointsOf{query.host, query.port}).endpoints;
  std::vector<const Endpoint*> endpoints;
  endpoints.reserve(all.size());
  for (const auto& endpoint : all) {
    // A name as address would make Envoy refuse the whole assignment.
    if (!selects(query.labels, endpoint.labels) || !isAddress(endpoint.address) || endpoint.port == 0) continue;
    endpoints.push_back(&endpoint);
  }
  // Half of the time went into allocating and freeing its many small parts one by one.
  google::protobuf::Arena arena;
  auto& assignment =
      *google::protobuf::Arena::CreateMessage<envoy::config::endpoint::v3::ClusterLoadAssignment>(&arena);
  assignment.set_cluster_name(clusterName(query.port, query.subset, query.host));
  addLocalities(assignment, endpoints);
  Output output;
  output.resources.push_back(makeResource(Type::endpoint, assignment.cluster_name(), assignment));
  return output;
}

}  // namespace fairway::translate
