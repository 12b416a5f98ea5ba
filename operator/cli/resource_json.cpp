#include "cli/resource_json.h"

#include <google/protobuf/any.pb.h>
#include <google/protobuf/util/json_util.h>

#include "translate/redaction.h"

namespace fairway::cli {

nlohmann::json resourceToJson(const translate::Resource& resource) {
  nlohmann::json result{
      {"name", resource.name}, {"version", resource.version}, {"provenance", nlohmann::json::array()}};
  for (const auto& object : resource.provenance) result["provenance"].push_back(object.toString());
  google::protobuf::Any any;
  if (!any.ParseFromString(resource.body)) {
    result["error"] = "not a serialized Any";
    return result;
  }
  if (resource.type == translate::Type::secret) translate::redactSecret(any);
  std::string text;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  const auto status = google::protobuf::util::MessageToJsonString(any, &text, options);
  if (status.ok()) {
    result["resource"] = nlohmann::json::parse(text, nullptr, false);
  } else {
    result["error"] = status.ToString();
  }
  return result;
}

}  // namespace fairway::cli
