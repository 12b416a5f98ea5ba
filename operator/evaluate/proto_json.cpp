#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wrappers.pb.h>

#include "evaluate/proto_json_internal.h"

namespace fairway::evaluate {

using nlohmann::json;

namespace {

// Access logs are never looked at, and may be of any type.
void replaceUnknown(json& value) {
  if (value.is_object()) {
    const auto type = value.find("@type");
    if (type != value.end() && type->is_string()) {
      const auto url = type->get<std::string>();
      const auto name = url.substr(url.rfind('/') + 1);
      if (!google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(name)) {
        value = {{"@type", "type.googleapis.com/google.protobuf.StringValue"}, {"value", name}};
        return;
      }
    }
    for (const auto* key : {"access_log", "accessLog"}) value.erase(key);
    for (auto& child : value) replaceUnknown(child);
  } else if (value.is_array()) {
    for (auto& child : value) replaceUnknown(child);
  }
}

}  // namespace

Result<void> parseMessage(const json& value, google::protobuf::Message& out) {
  auto copy = value;
  replaceUnknown(copy);
  const auto status =
      google::protobuf::util::JsonStringToMessage(copy.dump(-1, ' ', false, json::error_handler_t::replace), &out);
  if (!status.ok()) return failure("no " + out.GetDescriptor()->name() + ": " + std::string(status.message()));
  return {};
}

std::string typeOf(const google::protobuf::Any& any) {
  google::protobuf::StringValue name;
  if (any.UnpackTo(&name)) return name.value();
  return any.type_url().substr(any.type_url().rfind('/') + 1);
}

}  // namespace fairway::evaluate
