#include "translate/endpoints.h"

#include <algorithm>
#include <optional>

#include <envoy/config/endpoint/v3/endpoint.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include "base/metric_tags.h"
#include "base/workload_labels.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/clusters.h"
#include "translate/compute.h"
#include "translate/fields.h"
#include "translate/message_writer.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace core = envoy::config::core::v3;
namespace endpoint_v3 = envoy::config::endpoint::v3;
using endpoint_v3::ClusterLoadAssignment;
using endpoint_v3::LbEndpoint;
using endpoint_v3::LocalityLbEndpoints;
using model::Endpoint;
using store::joinKey;
using store::splitKey;

std::string EndpointsUnit::key() const {
  return keyOf(host, port, subset, &labels, client ? &*client : nullptr, unproved);
}
std::string EndpointsUnit::keyOf(std::string_view host, std::uint32_t port, std::string_view subset,
                                 const model::Labels* labels, const model::Client* client, bool unproved) {
  return joinKey({host, numberField(port), subset, labels != nullptr ? mapField(*labels) : "",
                  client != nullptr ? normalize::clientKey(*client) : "", unproved ? "unproved" : ""});
}
EndpointsUnit EndpointsUnit::parse(std::string_view key) {
  store::KeyFields fields(key);
  EndpointsUnit result{fields.next(), parseNumber(fields.next()), fields.next(), parseMap(fields.next())};
  if (const auto client = fields.next(); !client.empty()) result.client = normalize::parseClientKey(client);
  result.unproved = !fields.next().empty();
  return result;
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

// google.protobuf.UInt32Value
void addWeight(MessageWriter& out, int field, std::uint32_t weight) {
  out.message(field, [&] {
    if (weight != 0) out.number(google::protobuf::UInt32Value::kValueFieldNumber, weight);
  });
}

// filter_metadata[filter] = {name: value}
void addMetadata(MessageWriter& out, std::string_view filter, std::string_view name, std::string_view value) {
  out.beginEntry(core::Metadata::kFilterMetadataFieldNumber, filter, sizeOfText(name, value));
  addText(out, name, value);
}

// An LbEndpoint: its address, and what else it says.
void addEndpoint(MessageWriter& out, const Endpoint& endpoint, const std::string& remainder) {
  constexpr auto sizeOf = &MessageWriter::sizeOf;
  const auto socketSize = sizeOf(core::SocketAddress::kAddressFieldNumber, endpoint.address.size()) +
                          MessageWriter::sizeOfNumber(core::SocketAddress::kPortValueFieldNumber, endpoint.port);
  const auto addressSize = sizeOf(core::Address::kSocketAddressFieldNumber, socketSize);
  const auto endpointSize = sizeOf(endpoint_v3::Endpoint::kAddressFieldNumber, addressSize);
  out.begin(LocalityLbEndpoints::kLbEndpointsFieldNumber,
            sizeOf(LbEndpoint::kEndpointFieldNumber, endpointSize) + remainder.size());
  out.begin(LbEndpoint::kEndpointFieldNumber, endpointSize);
  out.begin(endpoint_v3::Endpoint::kAddressFieldNumber, addressSize);
  out.begin(core::Address::kSocketAddressFieldNumber, socketSize);
  out.text(core::SocketAddress::kAddressFieldNumber, endpoint.address);
  out.number(core::SocketAddress::kPortValueFieldNumber, endpoint.port);
  out.append(remainder);
}

// What an LbEndpoint says behind its address: the same for most neighbours, so that of the one before is kept.
class Remainder {
 public:
  const std::string& of(const Endpoint& endpoint, core::HealthStatus health, std::string workload) {
    if (!bytes_.empty() && port_ == endpoint.port && health_ == health && meshTls_ == endpoint.meshTls &&
        weight_ == endpoint.weight && workload_ == workload) {
      return bytes_;
    }
    port_ = endpoint.port;
    health_ = health;
    meshTls_ = endpoint.meshTls;
    weight_ = endpoint.weight;
    workload_ = std::move(workload);
    bytes_.clear();
    write();
    return bytes_;
  }
  // How much of it is still the address's: the port.
  [[nodiscard]] std::size_t portSize() const {
    return MessageWriter::sizeOfNumber(core::SocketAddress::kPortValueFieldNumber, port_);
  }

 private:
  void write() {
    MessageWriter out(bytes_);
    out.number(core::SocketAddress::kPortValueFieldNumber, port_);
    out.number(LbEndpoint::kHealthStatusFieldNumber, health_);
    if (meshTls_ || !workload_.empty()) {
      out.message(LbEndpoint::kMetadataFieldNumber, [&] {
        if (meshTls_) addMetadata(out, "envoy.transport_socket_match", "tlsMode", "istio");
        if (!workload_.empty()) addMetadata(out, metric_tags::kMetadata, metric_tags::kMetadataWorkload, workload_);
      });
    }
    addWeight(out, LbEndpoint::kLoadBalancingWeightFieldNumber, weight_);
  }

  std::uint32_t port_ = 0;
  core::HealthStatus health_ = core::UNKNOWN;
  bool meshTls_ = false;
  std::uint32_t weight_ = 0;
  std::string workload_;
  std::string bytes_;  // empty: nothing is kept yet
};

// An LbEndpoint. A service may have thousands: their lengths come first, and each is written in three pieces.
void addEndpoint(MessageWriter& out, const std::string& address, const std::string& remainder, std::size_t portSize) {
  constexpr auto sizeOf = &MessageWriter::sizeOf;
  const auto socketSize = sizeOf(core::SocketAddress::kAddressFieldNumber, address.size()) + portSize;
  const auto addressSize = sizeOf(core::Address::kSocketAddressFieldNumber, socketSize);
  const auto endpointSize = sizeOf(endpoint_v3::Endpoint::kAddressFieldNumber, addressSize);
  const auto size = sizeOf(LbEndpoint::kEndpointFieldNumber, endpointSize) + remainder.size() - portSize;
  out.begin({{LocalityLbEndpoints::kLbEndpointsFieldNumber, size},
             {LbEndpoint::kEndpointFieldNumber, endpointSize},
             {endpoint_v3::Endpoint::kAddressFieldNumber, addressSize},
             {core::Address::kSocketAddressFieldNumber, socketSize},
             {core::SocketAddress::kAddressFieldNumber, address.size()}});
  out.append(address);
  out.append(remainder);
}

}  // namespace

bool selects(const model::Labels& selector, const model::Labels& labels) {
  return std::all_of(selector.begin(), selector.end(), [&](const auto& pair) {
    const auto found = labels.find(pair.first);
    return found != labels.end() && found->second == pair.second;
  });
}

std::string loadAssignment(const std::string& cluster, const std::vector<const Endpoint*>& endpoints,
                           const Nearness* nearness, const WorkloadOfEndpoint& workload) {
  Groups groups;
  auto last = groups.end();
  bool anyHealthy = false;
  for (const auto* endpoint : endpoints) {
    const auto priority = nearness ? nearness->priorityOf(*endpoint) : 0;
    // Neighbours in the list are often neighbours in the world.
    if (last == groups.end() || last->first.priority != priority || last->first.locality != endpoint->locality) {
      last = groups.try_emplace(GroupKey{priority, endpoint->locality}).first;
    }
    last->second.endpoints.push_back(endpoint);
    last->second.weight += endpoint->weight;
    anyHealthy = anyHealthy || endpoint->health == Endpoint::Health::healthy;
  }
  if (nearness) nearness->distribute(groups);
  std::string bytes;
  bytes.reserve(64 + endpoints.size() * 128);
  MessageWriter out(bytes);
  out.text(ClusterLoadAssignment::kClusterNameFieldNumber, cluster);
  Remainder remainder;
  std::uint32_t level = 0;  // Envoy wants priorities without gaps
  const GroupKey* before = nullptr;
  for (const auto& [where, group] : groups) {
    if (before != nullptr && before->priority != where.priority) ++level;
    before = &where;
    out.message(ClusterLoadAssignment::kEndpointsFieldNumber, [&, &place = where.locality, &members = group] {
      out.message(LocalityLbEndpoints::kLocalityFieldNumber, [&] {
        if (!place.region.empty()) out.text(core::Locality::kRegionFieldNumber, place.region);
        if (!place.zone.empty()) out.text(core::Locality::kZoneFieldNumber, place.zone);
        if (!place.subzone.empty()) out.text(core::Locality::kSubZoneFieldNumber, place.subzone);
      });
      for (const auto* endpoint : members.endpoints) {
        const auto& rest =
            remainder.of(*endpoint, healthOf(*endpoint, anyHealthy), workload ? workload(*endpoint) : std::string());
        addEndpoint(out, endpoint->address, rest, remainder.portSize());
      }
      addWeight(out, LocalityLbEndpoints::kLoadBalancingWeightFieldNumber, members.weight);
      if (level != 0) out.number(LocalityLbEndpoints::kPriorityFieldNumber, level);
    });
  }
  return bytes;
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
  Output output;
  const auto name = clusterName(query.port, query.subset, query.host);
  std::optional<Nearness> nearness;
  if (query.client) nearness = nearnessOf(view, *query.client, query.host, query.port, query.subset, endpoints);
  // The others' certificates say it.
  const auto workload = [&](const Endpoint& endpoint) -> std::string {
    if (endpoint.workloadName.empty() || (endpoint.meshTls && !query.unproved)) return {};
    const auto& pod = view.ask(normalize::WorkloadOf{endpoint.workloadNs, endpoint.workloadName});
    return workloadText(workloadLabels(pod ? pod->workload : endpoint.workloadName, endpoint.labels, {}));
  };
  output.resources.push_back(
      makeResource(Type::endpoint, name, loadAssignment(name, endpoints, nearness ? &*nearness : nullptr, workload)));
  return output;
}

}  // namespace fairway::translate
