#include "translate/any.h"

#include <algorithm>

#include <google/protobuf/any.pb.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include "base/hash.h"

namespace fairway::translate {

std::string serialize(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

void packAny(const google::protobuf::Message& message, google::protobuf::Any& any) {
  any.set_type_url("type.googleapis.com/" + message.GetDescriptor()->full_name());
  any.set_value(serialize(message));
}

ResourcePtr makeResource(Type type, std::string name, const google::protobuf::Message& message,
                         std::vector<model::Provenance> provenance) {
  std::sort(provenance.begin(), provenance.end());
  provenance.erase(std::unique(provenance.begin(), provenance.end()), provenance.end());
  google::protobuf::Any any;
  packAny(message, any);
  auto resource = std::make_shared<Resource>();
  resource->type = type;
  resource->name = std::move(name);
  resource->body = serialize(any);
  resource->version = contentHash(resource->body);
  resource->provenance = std::move(provenance);
  return resource;
}

}  // namespace fairway::translate
