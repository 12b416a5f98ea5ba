#include <algorithm>
#include <array>
#include <utility>

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <google/protobuf/any.pb.h>

#include "base/strings.h"
#include "translate/any.h"
#include "translate/envoy_api.h"
#include "translate/patch_internal.h"

namespace fairway::translate {

using envoy::config::cluster::v3::Cluster;

namespace {

Lists listsOf(const Patch& patch) {
  return patch.what.operation == Operation::merge_and_replace_list ? Lists::replace : Lists::append;
}

// What a cluster's name says of it: "outbound|80|v1|reviews.default.svc.cluster.local", "inbound|8080||".
struct ClusterName {
  std::string direction, subset, host;
  std::uint32_t port = 0;

  explicit ClusterName(const std::string& name) {
    const auto parts = split(name, '|');
    if (parts.size() != 4) return;
    direction = parts[0];
    port = static_cast<std::uint32_t>(toNumber(parts[1]).value_or(0));
    subset = parts[2];
    host = parts[3];
  }
};

bool matches(const Patcher& patcher, const model::ConfigPatch::ClusterMatch& wanted, const std::string& name) {
  if (!wanted.name.empty()) return wanted.name == name;
  const ClusterName cluster(name);
  if (wanted.port != 0 && wanted.port != cluster.port) return false;
  if (!wanted.subset.empty() && wanted.subset != cluster.subset) return false;
  if (wanted.service.empty()) return true;
  if (cluster.direction != "inbound") return wanted.service == cluster.host;
  const auto hosts = patcher.inboundHosts.find(cluster.port);
  return hosts != patcher.inboundHosts.end() &&
         std::find(hosts->second.begin(), hosts->second.end(), wanted.service) != hosts->second.end();
}

// The socket that a patch's socket is merged into: of the same name. With sockets by match a cluster's own means nothing.
envoy::config::core::v3::TransportSocket* socketFor(Cluster& cluster, const std::string& name, bool& byMatch) {
  byMatch = cluster.transport_socket_matches_size() > 0;
  for (auto& match : *cluster.mutable_transport_socket_matches()) {
    if (match.transport_socket().name() == name) return match.mutable_transport_socket();
  }
  if (byMatch) return nullptr;
  return cluster.transport_socket().name() == name ? cluster.mutable_transport_socket() : nullptr;
}

bool mergeCluster(Patcher& patcher, Cluster& cluster, const Patch& patch) {
  auto value = Patcher::valueOf<Cluster>(patch);
  if (value.has_transport_socket()) {
    bool byMatch = false;
    if (auto* socket = socketFor(cluster, value.transport_socket().name(), byMatch)) {
      if (!patcher.mergeConfig(*socket, value.transport_socket(), patch)) return false;
    } else if (byMatch) {
      patcher.failed(patch, "cluster " + cluster.name() + " has no transport socket with the name '" +
                                value.transport_socket().name() + "'");
      return false;
    } else {
      *cluster.mutable_transport_socket() = value.transport_socket();
    }
    value.clear_transport_socket();
  }
  // The name is what routes and endpoints refer to.
  value.clear_name();
  Patcher::mergeInto(cluster, value, patch);
  return true;
}

}  // namespace

std::vector<const Patch*> Patcher::all(ApplyTo applyTo) const {
  std::vector<const Patch*> result;
  for (const auto& patch : patches_) {
    if (patch.what.applyTo == applyTo) result.push_back(&patch);
  }
  return result;
}

bool Patcher::any(std::initializer_list<ApplyTo> kinds) const {
  return std::any_of(patches_.begin(), patches_.end(), [&](const Patch& patch) {
    return std::find(kinds.begin(), kinds.end(), patch.what.applyTo) != kinds.end();
  });
}

void Patcher::failed(const Patch& patch, const std::string& why, const std::string& field) {
  view_.note({model::Note::Severity::error, patch.object,
              "spec.configPatches[" + std::to_string(patch.what.index) + "]" + field,
              why + "; the patch is not applied there"});
}

void Patcher::mergeInto(google::protobuf::Message& message, const Patch& patch) {
  const std::unique_ptr<google::protobuf::Message> value(message.New());
  value->ParseFromString(patch.bytes);
  mergeInto(message, *value, patch);
}

void Patcher::mergeInto(google::protobuf::Message& message, const google::protobuf::Message& value,
                        const Patch& patch) {
  merge(message, value, listsOf(patch));
}

bool Patcher::mergeAny(google::protobuf::Any& into, const google::protobuf::Any& from, const Patch& patch) {
  const auto nameOf = [](const google::protobuf::Any& any) {
    return any.type_url().substr(any.type_url().rfind('/') + 1);
  };
  if (nameOf(into) != nameOf(from)) {
    failed(patch, "it is a " + nameOf(from) + ", and what is generated is a " + nameOf(into));
    return false;
  }
  return mergeBytes(nameOf(into), *into.mutable_value(), from.value(), listsOf(patch));
}

std::vector<model::Provenance> Patcher::takeProvenance(const Resource& resource) {
  auto all = resource.provenance;
  for (auto& object : std::exchange(objects_, {})) all.push_back(std::move(object));
  return all;
}

bool namesFilter(const std::string& wanted, const std::string& name) {
  if (wanted == name) return true;
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kOld{{
      {"envoy.cors", "envoy.filters.http.cors"},
      {"envoy.ext_authz", "envoy.filters.http.ext_authz"},
      {"envoy.fault", "envoy.filters.http.fault"},
      {"envoy.http_connection_manager", "envoy.filters.network.http_connection_manager"},
      {"envoy.listener.http_inspector", "envoy.filters.listener.http_inspector"},
      {"envoy.listener.original_dst", "envoy.filters.listener.original_dst"},
      {"envoy.listener.proxy_protocol", "envoy.filters.listener.proxy_protocol"},
      {"envoy.listener.tls_inspector", "envoy.filters.listener.tls_inspector"},
      {"envoy.mongo_proxy", "envoy.filters.network.mongo_proxy"},
      {"envoy.redis_proxy", "envoy.filters.network.redis_proxy"},
      {"envoy.router", "envoy.filters.http.router"},
      {"envoy.tcp_proxy", "envoy.filters.network.tcp_proxy"},
  }};
  return std::any_of(kOld.begin(), kOld.end(),
                     [&](const auto& each) { return each.first == wanted && each.second == name; });
}

ResourcePtr patchCluster(Patcher& patcher, const ResourcePtr& resource) {
  std::optional<Cluster> cluster;
  for (const auto* patch : patcher.all(ApplyTo::cluster)) {
    if (patch->inserts() || !matches(patcher, patch->what.cluster, resource->name)) continue;
    if (patch->what.operation == Operation::remove) {
      patcher.takeProvenance(*resource);
      return nullptr;
    }
    if (!cluster) cluster.emplace().ParseFromString(messageBytes(*resource));
    if (mergeCluster(patcher, *cluster, *patch)) patcher.applied(*patch);
  }
  if (!patcher.changed()) return resource;
  return makeResource(Type::cluster, resource->name, *cluster, patcher.takeProvenance(*resource));
}

}  // namespace fairway::translate
