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
  Request request;
  grpc::ByteBuffer copy(bytes);  // a reference; the reader wants a buffer it may change
  grpc::ProtoBufferReader reader(&copy);
  const bool parsed = reader.status().ok() && message.ParseFromZeroCopyStream(&reader);
  if (auto ok = readRequest(parsed, "DiscoveryRequest", message, request); !ok) return tl::unexpected(ok.error());
  request.subscribe.reserve(static_cast<std::size_t>(message.resource_names_size()));
  for (auto& name : *message.mutable_resource_names()) {
    if (auto ok = checkLength("resource_names", name); !ok) return tl::unexpected(ok.error());
    request.subscribe.push_back(std::move(name));
  }
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
  ResponseBytes out;
  appendField(out.framing(), kVersionInfo, response.version);
  appendField(out.framing(), kTypeUrl, response.typeUrl);
  appendField(out.framing(), kNonce, response.nonce);
  for (const auto& resource : response.resources) {
    appendVarint(out.framing(), tag(kResources));
    appendVarint(out.framing(), resource->body.size());
    out.addBody(resource);
  }
  out.addSets(response.whole, frames);
  return out.take();
}

}  // namespace fairway::discovery
