#include "messages.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <algorithm>

#include "envoy/config/cluster/v3/cluster.pb.h"
#include "envoy/config/core/v3/base.pb.h"
#include "envoy/config/endpoint/v3/endpoint.pb.h"
#include "envoy/config/listener/v3/listener.pb.h"
#include "envoy/config/route/v3/route.pb.h"
#include "envoy/config/route/v3/route_components.pb.h"
#include "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h"

namespace loadgen {
namespace {

using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::array<std::string_view, kTypes> kUrls = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
    "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
    "type.googleapis.com/envoy.config.route.v3.VirtualHost"};

void appendVarint(std::string& out, std::uint64_t value) {
  std::uint8_t buffer[10];
  const auto* end = CodedOutputStream::WriteVarint64ToArray(value, buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
}

void append(std::string& out, int field, std::string_view text) {
  appendVarint(out, static_cast<std::uint64_t>(field) << 3 | 2);
  appendVarint(out, text.size());
  out.append(text);
}

// Calls `field(number, bytes)` for each length-delimited field of a message.
template <class Field>
bool walk(std::string_view message, const Field& field) {
  CodedInputStream in(reinterpret_cast<const std::uint8_t*>(message.data()), static_cast<int>(message.size()));
  while (const auto tag = in.ReadTag()) {
    if ((tag & 7) != 2) {
      if (!google::protobuf::internal::WireFormatLite::SkipField(&in, tag)) return false;
      continue;
    }
    std::uint32_t size = 0;
    if (!in.ReadVarint32(&size)) return false;
    const auto at = static_cast<std::size_t>(in.CurrentPosition());
    if (size > message.size() - at || !in.Skip(static_cast<int>(size))) return false;
    field(static_cast<int>(tag >> 3), message.substr(at, size));
  }
  return in.ConsumedEntireMessage();
}

template <class Message>
bool unpack(const Resource& resource, Message& message, std::string& fault) {
  google::protobuf::Any any;
  if (!any.ParseFromArray(resource.body.data(), static_cast<int>(resource.body.size())) || !any.UnpackTo(&message)) {
    fault = "does not decode as " + Message::descriptor()->full_name();
    return false;
  }
  return true;
}

void addRoutes(const envoy::config::listener::v3::FilterChain& chain, Facts& facts) {
  for (const auto& filter : chain.filters()) {
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager manager;
    if (!filter.typed_config().UnpackTo(&manager) || !manager.has_rds()) continue;
    const auto& name = manager.rds().route_config_name();
    if (std::find(facts.routes.begin(), facts.routes.end(), name) == facts.routes.end()) facts.routes.push_back(name);
  }
}

}  // namespace

std::string_view typeUrl(Type type) { return kUrls[static_cast<std::size_t>(type)]; }

bool typeFromUrl(std::string_view url, Type& type) {
  const auto found = std::find(kUrls.begin(), kUrls.end(), url);
  if (found == kUrls.end()) return false;
  type = static_cast<Type>(found - kUrls.begin());
  return true;
}

std::string encodeNode(const NodeSpec& node) {
  envoy::config::core::v3::Node message;
  message.set_id(node.id);
  message.set_cluster(node.account + "." + node.ns);
  message.set_user_agent_name("envoy");
  auto& fields = *message.mutable_metadata()->mutable_fields();
  for (const auto& [key, value] : {std::pair<const char*, const std::string&>{"NAME", node.pod},
                                   {"NAMESPACE", node.ns},
                                   {"SERVICE_ACCOUNT", node.account},
                                   {"INSTANCE_IPS", node.ip}}) {
    fields[key].set_string_value(value);
  }
  auto& labels = *fields["LABELS"].mutable_struct_value()->mutable_fields();
  for (const auto& [key, value] : node.labels) labels[key].set_string_value(value);
  return message.SerializeAsString();
}

std::string encode(const DeltaRequest& request, std::string_view node) {
  std::string out;
  if (!node.empty()) append(out, 1, node);
  append(out, 2, typeUrl(request.type));
  for (const auto name : request.subscribe) append(out, 3, name);
  for (const auto name : request.unsubscribe) append(out, 4, name);
  std::string entry;
  for (const auto& [name, version] : request.initialVersions) {
    entry.clear();
    append(entry, 1, name);
    append(entry, 2, version);
    append(out, 5, entry);
  }
  if (!request.nonce.empty()) append(out, 6, request.nonce);
  return out;
}

std::string encode(const SotwRequest& request, std::string_view node) {
  std::string out;
  if (!request.version.empty()) append(out, 1, request.version);
  if (!node.empty()) append(out, 2, node);
  for (const auto name : request.names) append(out, 3, name);
  append(out, 4, typeUrl(request.type));
  if (!request.nonce.empty()) append(out, 5, request.nonce);
  return out;
}

bool decodeDelta(std::string_view message, Response& response) {
  bool good = true;
  const bool whole = walk(message, [&](int field, std::string_view bytes) {
    switch (field) {
      case 1: response.version = bytes; break;
      case 2: {
        Resource resource;
        good = good && walk(bytes, [&](int inner, std::string_view text) {
                 if (inner == 1) resource.version = text;
                 if (inner == 2) resource.body = text;
                 if (inner == 3) resource.name = text;
               });
        response.resources.push_back(resource);
        break;
      }
      case 4: response.url = bytes; break;
      case 5: response.nonce = bytes; break;
      case 6: response.removed.push_back(bytes); break;
      default: break;
    }
  });
  return whole && good;
}

bool decodeSotw(std::string_view message, Response& response) {
  bool good = true;
  const bool whole = walk(message, [&](int field, std::string_view bytes) {
    if (field == 1) response.version = bytes;
    if (field == 4) response.url = bytes;
    if (field == 5) response.nonce = bytes;
    if (field != 2) return;
    Resource resource{.name = {}, .version = {}, .body = bytes};
    // Each of our types has its name in field 1; the type's bytes are field 2 of the Any.
    good = good && walk(bytes, [&](int inner, std::string_view value) {
             if (inner != 2) return;
             good = good && walk(value, [&](int number, std::string_view text) {
                      if (number == 1) resource.name = text;
                    });
           });
    response.resources.push_back(resource);
  });
  return whole && good;
}

Facts examine(Type type, const Resource& resource) {
  Facts facts;
  std::string name;
  switch (type) {
    case Type::cluster: {
      envoy::config::cluster::v3::Cluster cluster;
      if (!unpack(resource, cluster, facts.fault)) break;
      name = cluster.name();
      if (cluster.type() == envoy::config::cluster::v3::Cluster::EDS) {
        const auto& service = cluster.eds_cluster_config().service_name();
        facts.endpoints = service.empty() ? name : service;
      }
      break;
    }
    case Type::endpoint: {
      envoy::config::endpoint::v3::ClusterLoadAssignment assignment;
      if (unpack(resource, assignment, facts.fault)) name = assignment.cluster_name();
      break;
    }
    case Type::listener: {
      envoy::config::listener::v3::Listener listener;
      if (!unpack(resource, listener, facts.fault)) break;
      name = listener.name();
      for (const auto& chain : listener.filter_chains()) addRoutes(chain, facts);
      if (listener.has_default_filter_chain()) addRoutes(listener.default_filter_chain(), facts);
      break;
    }
    case Type::route: {
      envoy::config::route::v3::RouteConfiguration route;
      if (!unpack(resource, route, facts.fault)) break;
      name = route.name();
      facts.virtualHosts = route.has_vhds();
      break;
    }
    case Type::virtualHost: {
      envoy::config::route::v3::VirtualHost host;
      if (unpack(resource, host, facts.fault)) name = host.name();
      break;
    }
  }
  if (facts.fault.empty() && name != resource.name) facts.fault = "is called " + name + " inside";
  return facts;
}

}  // namespace loadgen
