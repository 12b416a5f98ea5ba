#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"
#include "discovery/frames.h"
#include "discovery/messages.h"

namespace envoy::config::core::v3 {
class Node;
}
namespace google::rpc {
class Status;
}

// What the encodings of both variants are made of.
namespace fairway::discovery {

// Failure: more than kMaxMetadataFields.
Result<Node> decodeNode(const envoy::config::core::v3::Node& message);
// Failure: longer than kMaxNameBytes; the message names the field.
Result<void> checkLength(std::string_view field, std::string_view text);
// The client's words, cut at kMaxErrorBytes; never empty.
std::string decodeError(const google::rpc::Status& status);

// A field's tag of wire type 2 (length-delimited).
constexpr std::uint32_t tag(int field) { return static_cast<std::uint32_t>(field) << 3 | 2; }
void appendVarint(std::string& out, std::size_t value);
void appendField(std::string& out, int field, std::string_view text);

// A slice of bytes that the resource keeps, or that are kept by themselves.
grpc::Slice share(const ResourcePtr& resource);
grpc::Slice share(const std::shared_ptr<const std::string>& bytes);

// A response that is put together from bytes written here and slices that others keep.
class ResponseBytes {
 public:
  // Small parts, until the next slice.
  [[nodiscard]] std::string& framing() { return framing_; }
  // A resource's body: shared, if that is worth a slice of its own.
  void addBody(const ResourcePtr& resource);
  // Whole sets, each chunk's encoding from `frames`.
  void addSets(const Sets& sets, Frames& frames);
  [[nodiscard]] grpc::ByteBuffer take();

 private:
  void flush();

  std::string framing_;
  std::vector<grpc::Slice> slices_;
};

// What the requests of both variants say alike, into `request`; `Message` is one of envoy.service.discovery.v3, `parsed`
// whether the bytes were that. Failure: they were not (`name`), or a field is too long.
template <class Message>
Result<void> readRequest(bool parsed, const char* name, const Message& message, Request& request) {
  if (!parsed) return failure(std::string("the message is no envoy.service.discovery.v3.") + name);
  request.typeUrl = message.type_url();
  request.nonce = message.response_nonce();
  for (const auto& [field, text] : {std::pair{"type_url", &request.typeUrl}, {"response_nonce", &request.nonce}}) {
    if (auto ok = checkLength(field, *text); !ok) return ok;
  }
  if (message.has_node()) {
    auto node = decodeNode(message.node());
    if (!node) return tl::unexpected(node.error());
    request.node = std::move(*node);
  }
  if (message.has_error_detail()) request.error = decodeError(message.error_detail());
  return {};
}

}  // namespace fairway::discovery
