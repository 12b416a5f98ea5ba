#include "discovery/sotw_wire.h"

#include <grpcpp/support/proto_buffer_reader.h>

#include "discovery/wire.h"
#include "discovery/wire_parts.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace fairway::discovery {
namespace {

namespace pb = envoy::service::discovery::v3;

// Field numbers of envoy/service/discovery/v3/discovery.proto.
enum ResponseField { kVersionInfo = 1, kResources = 2, kTypeUrl = 4, kNonce = 5 };

}  // namespace

Result<Request> decodeSotwRequest(const grpc::ByteBuffer& bytes) {
  pb::DiscoveryRequest message;
  grpc::ByteBuffer copy(bytes);  // a reference; the reader wants a buffer it may change
  grpc::ProtoBufferReader reader(&copy);
  if (!reader.status().ok() || !message.ParseFromZeroCopyStream(&reader)) {
    return failure("the message is no envoy.service.discovery.v3.DiscoveryRequest");
  }
  Request request;
  request.typeUrl = message.type_url();
  request.nonce = message.response_nonce();
  for (const auto& [field, text] : {std::pair{"type_url", &request.typeUrl}, {"response_nonce", &request.nonce}}) {
    if (auto ok = checkLength(field, *text); !ok) return tl::unexpected(ok.error());
  }
  if (message.has_node()) {
    auto node = decodeNode(message.node());
    if (!node) return tl::unexpected(node.error());
    request.node = std::move(*node);
  }
  request.subscribe.reserve(static_cast<std::size_t>(message.resource_names_size()));
  for (auto& name : *message.mutable_resource_names()) {
    if (auto ok = checkLength("resource_names", name); !ok) return tl::unexpected(ok.error());
    request.subscribe.push_back(std::move(name));
  }
  if (message.has_error_detail()) request.error = decodeError(message.error_detail());
  return request;
}

std::string sotwFrameOf(const engine::ResourceSet::Chunk& chunk) {
  std::string bytes;
  std::size_t size = 0;
  for (const auto& resource : chunk) size += resource->body.size() + 8;
  bytes.reserve(size);
  for (const auto& resource : chunk) appendField(bytes, kResources, resource->body);
  return bytes;
}

grpc::ByteBuffer encodeSotwResponse(const SotwResponse& response, Frames& frames) {
  std::vector<grpc::Slice> slices;
  std::string framing;
  const auto flush = [&] {
    if (framing.empty()) return;
    slices.emplace_back(framing.data(), framing.size());
    framing.clear();
  };

  appendField(framing, kVersionInfo, response.version);
  appendField(framing, kTypeUrl, response.typeUrl);
  appendField(framing, kNonce, response.nonce);
  for (const auto& resource : response.resources) {
    appendVarint(framing, tag(kResources));
    appendVarint(framing, resource->body.size());
    if (resource->body.size() < kShareFrom) {
      framing.append(resource->body);
    } else {
      flush();
      slices.push_back(share(resource));
    }
  }
  flush();
  for (const auto& set : response.whole) {
    for (const auto& chunk : set->chunks()) slices.push_back(share(frames.of(chunk)));
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace fairway::discovery
