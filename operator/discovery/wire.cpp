#include "discovery/wire.h"

#include <google/protobuf/io/coded_stream.h>

#include "discovery/wire_parts.h"
#include "envoy/service/discovery/v3/discovery.pb.h"

namespace fairway::discovery {
namespace {

using google::protobuf::io::CodedOutputStream;

std::string scalar(const google::protobuf::Value& value) {
  switch (value.kind_case()) {
    case google::protobuf::Value::kStringValue: return value.string_value();
    case google::protobuf::Value::kBoolValue: return value.bool_value() ? "true" : "false";
    case google::protobuf::Value::kListValue: {
      std::string joined;
      for (const auto& each : value.list_value().values()) {
        if (each.kind_case() != google::protobuf::Value::kStringValue) continue;
        if (!joined.empty()) joined += ',';
        joined += each.string_value();
      }
      return joined;
    }
    default: return {};
  }
}

}  // namespace

Result<Node> decodeNode(const envoy::config::core::v3::Node& message) {
  Node node{.id = message.id(), .cluster = message.cluster(), .metadata = {}, .labels = {}};
  if (static_cast<std::size_t>(message.metadata().fields_size()) > kMaxMetadataFields) {
    return failure("node metadata has more than " + std::to_string(kMaxMetadataFields) + " fields");
  }
  for (const auto& [key, value] : message.metadata().fields()) {
    if (key != "LABELS") {
      node.metadata.emplace(key, scalar(value));
      continue;
    }
    if (static_cast<std::size_t>(value.struct_value().fields_size()) > kMaxMetadataFields) {
      return failure("node metadata LABELS has more than " + std::to_string(kMaxMetadataFields) + " labels");
    }
    for (const auto& [label, text] : value.struct_value().fields()) node.labels.emplace(label, scalar(text));
  }
  return node;
}

Result<void> checkLength(std::string_view field, std::string_view text) {
  if (text.size() <= kMaxNameBytes) return {};
  return failure("field " + std::string(field) + " has " + std::to_string(text.size()) + " bytes; at most " +
                 std::to_string(kMaxNameBytes) + " are taken");
}

std::string decodeError(const google::rpc::Status& status) {
  if (status.message().empty()) return "refused without a reason (code " + std::to_string(status.code()) + ")";
  return status.message().substr(0, kMaxErrorBytes);
}

namespace {

// Field numbers of envoy/service/discovery/v3/discovery.proto.
enum ResponseField { kSystemVersionInfo = 1, kResources = 2, kTypeUrl = 4, kNonce = 5, kRemovedResources = 6 };
enum ResourceField { kVersion = 1, kBody = 2, kName = 3 };

}  // namespace

void appendVarint(std::string& out, std::size_t value) {
  std::uint8_t buffer[10];
  const auto* end = CodedOutputStream::WriteVarint64ToArray(value, buffer);
  out.append(reinterpret_cast<const char*>(buffer), static_cast<std::size_t>(end - buffer));
}

void appendField(std::string& out, int field, std::string_view text) {
  appendVarint(out, tag(field));
  appendVarint(out, text.size());
  out.append(text);
}

namespace {

std::size_t fieldSize(std::size_t length) {
  // All field numbers here are below 16: one byte of tag.
  return 1 + CodedOutputStream::VarintSize64(length) + length;
}

// What comes before a resource's body in a response.
void appendHead(std::string& out, const translate::Resource& resource) {
  appendVarint(out, tag(kResources));
  appendVarint(out,
               fieldSize(resource.name.size()) + fieldSize(resource.version.size()) + fieldSize(resource.body.size()));
  appendField(out, kName, resource.name);
  appendField(out, kVersion, resource.version);
  appendVarint(out, tag(kBody));
  appendVarint(out, resource.body.size());
}

// A slice of bytes that `owner` keeps.
template <class Owner>
grpc::Slice shareOf(const std::string& bytes, const Owner& owner) {
  return grpc::Slice(
      const_cast<char*>(bytes.data()), bytes.size(), [](void* pointer) { delete static_cast<Owner*>(pointer); },
      new Owner(owner));
}

}  // namespace

grpc::Slice share(const ResourcePtr& resource) { return shareOf(resource->body, resource); }
grpc::Slice share(const std::shared_ptr<const std::string>& bytes) { return shareOf(*bytes, bytes); }

void ResponseBytes::flush() {
  if (framing_.empty()) return;
  slices_.emplace_back(framing_.data(), framing_.size());
  framing_.clear();
}

void ResponseBytes::addBody(const ResourcePtr& resource) {
  if (resource->body.size() < kShareFrom) {
    framing_.append(resource->body);
    return;
  }
  flush();
  slices_.push_back(share(resource));
}

void ResponseBytes::addSets(const Sets& sets, Frames& frames) {
  flush();
  for (const auto& set : sets) {
    for (const auto& chunk : set->chunks()) slices_.push_back(share(frames.of(chunk)));
  }
}

grpc::ByteBuffer ResponseBytes::take() {
  flush();
  return grpc::ByteBuffer(slices_.data(), slices_.size());
}

std::string deltaFrameOf(const engine::ResourceSet::Chunk& chunk) {
  std::string bytes;
  std::size_t size = 0;
  for (const auto& resource : chunk) {
    size += resource->name.size() + resource->version.size() + resource->body.size() + 32;
  }
  bytes.reserve(size);
  for (const auto& resource : chunk) {
    appendHead(bytes, *resource);
    bytes.append(resource->body);
  }
  return bytes;
}

grpc::ByteBuffer encodeResponse(const Response& response, Frames& frames) {
  ResponseBytes out;
  appendField(out.framing(), kSystemVersionInfo, std::to_string(response.generation));
  appendField(out.framing(), kTypeUrl, response.typeUrl);
  appendField(out.framing(), kNonce, response.nonce);
  for (const auto& name : response.removed) appendField(out.framing(), kRemovedResources, name);
  for (const auto& name : response.absent) {
    appendVarint(out.framing(), tag(kResources));
    appendVarint(out.framing(), fieldSize(name.size()));
    appendField(out.framing(), kName, name);
  }
  if (!response.whole.empty()) {
    out.addSets(response.whole, frames);  // they are all that is added
    return out.take();
  }
  for (const auto& resource : response.added) {
    appendHead(out.framing(), *resource);
    out.addBody(resource);
  }
  return out.take();
}

}  // namespace fairway::discovery
