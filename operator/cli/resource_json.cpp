#include "cli/resource_json.h"

#include <envoy/extensions/transport_sockets/tls/v3/secret.pb.h>
#include <google/protobuf/any.pb.h>
#include <google/protobuf/util/json_util.h>

namespace fairway::cli {

namespace {

// Keys never leave the process by this way, whatever field of a secret holds them.
void redact(google::protobuf::Any& any) {
  envoy::extensions::transport_sockets::tls::v3::Secret secret;
  if (!any.UnpackTo(&secret)) {
    any.clear_value();
    return;
  }
  if (secret.has_tls_certificate()) {
    auto& certificate = *secret.mutable_tls_certificate();
    certificate.clear_private_key_provider();
    certificate.clear_password();
    certificate.clear_pkcs12();
    certificate.mutable_private_key()->set_inline_string("[redacted]");
  }
  secret.clear_session_ticket_keys();
  secret.clear_generic_secret();
  any.PackFrom(secret);
}

}  // namespace

nlohmann::json resourceToJson(const translate::Resource& resource) {
  nlohmann::json result{
      {"name", resource.name}, {"version", resource.version}, {"provenance", nlohmann::json::array()}};
  for (const auto& object : resource.provenance) result["provenance"].push_back(object.toString());
  google::protobuf::Any any;
  if (!any.ParseFromString(resource.body)) {
    result["error"] = "not a serialized Any";
    return result;
  }
  if (resource.type == translate::Type::secret) redact(any);
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
