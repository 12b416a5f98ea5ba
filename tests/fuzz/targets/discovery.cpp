// xDS requests of both variants with their nodes, requests of ClientStatusDiscoveryService, and what agents of machines say.
#include <algorithm>
#include <map>

#include "discovery/client_status.h"
#include "discovery/machine_messages.h"
#include "discovery/node.h"
#include "discovery/sotw_wire.h"
#include "discovery/wire.h"
#include "envoy/service/discovery/v3/discovery.pb.h"
#include "envoy/service/status/v3/csds.pb.h"
#include "fuzz/target.h"

namespace {

using namespace fairway;
using namespace fairway::discovery;
namespace pb = envoy::service::discovery::v3;

grpc::ByteBuffer buffer(std::string_view bytes) {
  // In two slices, as messages come.
  const auto half = bytes.size() / 2;
  const grpc::Slice slices[] = {grpc::Slice(bytes.data(), half), grpc::Slice(bytes.data() + half, bytes.size() - half)};
  return {slices, 2};
}

void checkNode(const Request& request) {
  if (!request.node) return;
  const auto proxy = proxyFromNode(*request.node);
  if (!proxy) return;
  fuzz::require(!proxy->ns.empty(), "a proxy has a namespace");
  const PeerIdentity other{"cluster.local", proxy->ns + "x", proxy->serviceAccount, {}};
  fuzz::require(!checkClaims(*proxy, other).has_value(), "a claim to another namespace is refused");
}

void delta(std::string_view bytes) {
  const auto request = decodeRequest(buffer(bytes));
  if (!request) return;
  checkNode(*request);
  // The reader of our own and protobuf's see the same.
  pb::DeltaDiscoveryRequest message;
  fuzz::require(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())), "what is taken is a message");
  fuzz::require(std::equal(request->subscribe.begin(), request->subscribe.end(),
                           message.resource_names_subscribe().begin(), message.resource_names_subscribe().end()),
                "names are those of the message");
  std::map<std::string, std::string> stated, expected;
  for (const auto& [name, version] : request->initialVersions) stated[std::string(name)] = version;
  for (const auto& [name, version] : message.initial_resource_versions()) expected[name] = version;
  fuzz::require(stated == expected, "versions are those of the message");
}

void sotw(std::string_view bytes) {
  if (const auto request = decodeSotwRequest(buffer(bytes))) checkNode(*request);
}

void status(std::string_view bytes) {
  envoy::service::status::v3::ClientStatusRequest request;
  if (!request.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return;
  ClientView view;
  view.info.nodeId = "sidecar~10.30.1.1~vio-1.onap~onap.svc.cluster.local";
  view.proxy.ns = "onap";
  view.proxy.pod = "vio-1";
  (void)clientStatus(request, {view});
}

void machine(std::string_view bytes) {
  const auto message = decodeMachineMessage(buffer(bytes));
  if (!message) return;
  fuzz::require(bytes.size() <= kMaxMachineBytes, "what is taken is no longer than it may be");
  fuzz::require(message->group.size() <= 253 && message->address.size() <= 253, "names are bounded");
  fuzz::require(!message->health || message->health->message.size() <= 512, "words are bounded");
}

template <class Message>
Message withNode() {
  Message message;
  auto& node = *message.mutable_node();
  node.set_id("sidecar~10.30.1.1~vio-1.onap~onap.svc.cluster.local");
  node.set_cluster("vio.onap");
  auto& fields = *node.mutable_metadata()->mutable_fields();
  for (const auto& [key, value] : {std::pair{"NAME", "vio-1"},
                                   {"NAMESPACE", "onap"},
                                   {"SERVICE_ACCOUNT", "vio"},
                                   {"INSTANCE_IPS", "10.30.1.1,fd00::1"},
                                   {"INTERCEPTION_MODE", "NONE"},
                                   {"FAIRWAY_APP_ADDRESS", "10.30.1.1"},
                                   {"UNPRIVILEGED_POD", "true"}}) {
    fields[key].set_string_value(value);
  }
  (*fields["LABELS"].mutable_struct_value()->mutable_fields())["app"].set_string_value("vio");
  message.set_type_url("type.googleapis.com/envoy.config.cluster.v3.Cluster");
  return message;
}

std::vector<std::string> deltaSeeds() {
  auto first = withNode<pb::DeltaDiscoveryRequest>();
  (*first.mutable_initial_resource_versions())["outbound|80||web.default.svc.cluster.local"] = "0123456789abcdef";
  (*first.mutable_initial_resource_versions())["inbound|80||"] = "fedcba9876543210";
  pb::DeltaDiscoveryRequest later;
  later.set_type_url("type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment");
  later.add_resource_names_subscribe("outbound|80||web.default.svc.cluster.local");
  later.add_resource_names_unsubscribe("outbound|81||web.default.svc.cluster.local");
  later.set_response_nonce("7");
  auto refused = later;
  refused.mutable_error_detail()->set_message("no such filter");
  return {first.SerializeAsString(), later.SerializeAsString(), refused.SerializeAsString()};
}

std::vector<std::string> sotwSeeds() {
  auto first = withNode<pb::DiscoveryRequest>();
  auto later = first;
  later.add_resource_names("80");
  later.set_version_info("0123");
  later.set_response_nonce("1");
  later.mutable_error_detail()->set_code(3);
  return {first.SerializeAsString(), later.SerializeAsString()};
}

std::vector<std::string> statusSeeds() {
  envoy::service::status::v3::ClientStatusRequest request;
  auto& matcher = *request.add_node_matchers();
  matcher.mutable_node_id()->set_prefix("sidecar~");
  auto byPattern = request;
  byPattern.mutable_node_matchers(0)->mutable_node_id()->mutable_safe_regex()->set_regex("(sidecar|router)~.*");
  auto& field = *byPattern.mutable_node_matchers(0)->add_node_metadatas();
  field.add_path()->set_key("NAMESPACE");
  field.mutable_value()->mutable_string_match()->set_exact("onap");
  return {request.SerializeAsString(), byPattern.SerializeAsString()};
}

std::vector<std::string> machineSeeds() {
  google::protobuf::Struct hello;
  (*hello.mutable_fields())["group"].set_string_value("vms");
  (*hello.mutable_fields())["address"].set_string_value("10.30.1.1");
  auto& health = *(*hello.mutable_fields())["health"].mutable_struct_value()->mutable_fields();
  health["healthy"].set_bool_value(false);
  health["message"].set_string_value("connection refused");
  return {hello.SerializeAsString()};
}

const fuzz::Registration kDelta{{"delta_request", {}, delta, deltaSeeds}};
const fuzz::Registration kSotw{{"sotw_request", {}, sotw, sotwSeeds}};
const fuzz::Registration kMachine{{"machine_message", {}, machine, machineSeeds}};
const fuzz::Registration kStatus{{"client_status", {}, status, statusSeeds}};

}  // namespace
