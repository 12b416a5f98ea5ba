#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace loadgen {

// In the order in which a proxy asks for them.
enum class Type : std::uint8_t { cluster, endpoint, listener, route, virtualHost };
constexpr std::size_t kTypes = 5;
constexpr std::array<std::string_view, kTypes> kTypeNames = {"cluster", "endpoint", "listener", "route",
                                                             "virtual_host"};
// "type.googleapis.com/envoy.config...".
std::string_view typeUrl(Type type);
// False if the URL is none of ours.
bool typeFromUrl(std::string_view url, Type& type);

// What a proxy says of itself; see operator/discovery/node.h.
struct NodeSpec {
  std::string id, ip, pod, ns, account;
  std::map<std::string, std::string> labels;
};
// envoy.config.core.v3.Node, serialized.
std::string encodeNode(const NodeSpec& node);

struct DeltaRequest {
  Type type = Type::cluster;
  std::vector<std::string_view> subscribe, unsubscribe;
  std::vector<std::pair<std::string_view, std::string_view>> initialVersions;
  std::string_view nonce;
};
// DeltaDiscoveryRequest; `node` (serialized) empty: none.
std::string encode(const DeltaRequest& request, std::string_view node);

struct SotwRequest {
  Type type = Type::cluster;
  std::vector<std::string_view> names;
  std::string_view version, nonce;
};
// DiscoveryRequest.
std::string encode(const SotwRequest& request, std::string_view node);

// Views into the message.
struct Resource {
  std::string_view name, version;
  std::string_view body;  // google.protobuf.Any; empty: told that it does not exist
};
struct Response {
  std::string_view url, nonce, version;
  std::vector<Resource> resources;
  std::vector<std::string_view> removed;
};
// Of a DeltaDiscoveryResponse or a DiscoveryResponse, the outer fields only, without copies: thousands of proxies
// receive the same bytes. False if it is malformed.
bool decodeDelta(std::string_view message, Response& response);
bool decodeSotw(std::string_view message, Response& response);

// What a proxy does because of one resource, and whether the resource is what it says.
struct Facts {
  std::string endpoints;            // cluster: name under which its endpoints are asked for; empty: not of type EDS
  std::vector<std::string> routes;  // listener: route configurations it asks for
  bool virtualHosts = false;        // route configuration: asks for virtual hosts
  std::string fault;                // empty: decodes whole, name and type agree
};
// Decodes all of it with Envoy's protos.
Facts examine(Type type, const Resource& resource);

}  // namespace loadgen
