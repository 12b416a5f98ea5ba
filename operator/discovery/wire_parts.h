#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <grpcpp/support/byte_buffer.h>

#include "base/result.h"
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

}  // namespace fairway::discovery
