#include "translate/any.h"

#include <algorithm>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/hash.h"
#include "translate/message_writer.h"

namespace fairway::translate {

std::string serialize(const google::protobuf::Message& message, std::string_view moreFields) {
  const auto size = message.ByteSizeLong();
  std::string bytes;
  bytes.reserve(size + moreFields.size());
  bytes.resize(size);
  google::protobuf::io::ArrayOutputStream stream(bytes.data(), static_cast<int>(size));
  google::protobuf::io::CodedOutputStream coded(&stream);
  coded.SetSerializationDeterministic(true);
  message.SerializeWithCachedSizes(&coded);
  bytes.append(moreFields);
  return bytes;
}

void packAny(const google::protobuf::Message& message, google::protobuf::Any& any, std::string_view moreFields) {
  any.set_type_url("type.googleapis.com/" + message.GetDescriptor()->full_name());
  any.set_value(serialize(message, moreFields));
}

namespace {

ResourcePtr wrap(Type type, std::string name, std::string_view typeUrl, std::string_view bytes,
                 std::vector<model::Provenance> provenance) {
  std::sort(provenance.begin(), provenance.end());
  provenance.erase(std::unique(provenance.begin(), provenance.end()), provenance.end());
  auto resource = std::make_shared<Resource>();
  resource->type = type;
  resource->name = std::move(name);
  resource->body.reserve(bytes.size() + typeUrl.size() + 12);
  MessageWriter any(resource->body);
  any.text(google::protobuf::Any::kTypeUrlFieldNumber, typeUrl);
  // As protobuf does: nothing for an empty message.
  if (!bytes.empty()) any.text(google::protobuf::Any::kValueFieldNumber, bytes);
  resource->version = contentVersion(resource->body);
  resource->provenance = std::move(provenance);
  return resource;
}

}  // namespace

ResourcePtr makeResource(Type type, std::string name, const google::protobuf::Message& message,
                         std::vector<model::Provenance> provenance) {
  return wrap(type, std::move(name), "type.googleapis.com/" + message.GetDescriptor()->full_name(), serialize(message),
              std::move(provenance));
}

ResourcePtr makeResource(Type type, std::string name, std::string_view bytes,
                         std::vector<model::Provenance> provenance) {
  return wrap(type, std::move(name), typeUrl(type), bytes, std::move(provenance));
}

std::string messageBytes(const Resource& resource) {
  google::protobuf::Any any;
  any.ParseFromString(resource.body);
  return std::move(*any.mutable_value());
}

}  // namespace fairway::translate
