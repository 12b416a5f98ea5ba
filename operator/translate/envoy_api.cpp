#include "translate/envoy_api.h"

#include <array>
#include <cstdint>
#include <vector>

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/util/type_resolver_util.h>
#include <nlohmann/json.hpp>

#include "translate/any.h"

// The file that tools/cmake/EnvoyApi.cmake makes, as it is.
asm(".section .rodata\n"
    ".balign 16\n"
    "fairway_envoy_api:\n"
    ".incbin \"" FAIRWAY_ENVOY_API
    "\"\n"
    "fairway_envoy_api_end:\n"
    ".byte 0\n"
    ".previous\n");
extern "C" {
extern const std::uint8_t fairway_envoy_api[];      // NOLINT(readability-identifier-naming)
extern const std::uint8_t fairway_envoy_api_end[];  // NOLINT(readability-identifier-naming)
}

namespace fairway::translate {

namespace pb = google::protobuf;
using nlohmann::json;

namespace {

constexpr const char* kPrefix = "type.googleapis.com";

// Descriptors are made of a file when a type of it is first asked for.
class Api {
 public:
  Api() : pool_(&files_), types_(pb::util::NewTypeResolverForDescriptorPool(kPrefix, &pool_)) {
    pb::io::CodedInputStream in(fairway_envoy_api, static_cast<int>(fairway_envoy_api_end - fairway_envoy_api));
    while (in.ReadTag() != 0) {
      std::uint32_t size = 0;
      const void* data = nullptr;
      int left = 0;
      if (!in.ReadVarint32(&size) || !in.GetDirectBufferPointer(&data, &left)) break;
      files_.Add(data, static_cast<int>(size));
      in.Skip(static_cast<int>(size));
    }
  }

  const pb::Descriptor* type(const std::string& name) const { return pool_.FindMessageTypeByName(name); }
  std::unique_ptr<pb::Message> make(const pb::Descriptor* type) {
    return std::unique_ptr<pb::Message>(messages_.GetPrototype(type)->New());
  }
  pb::util::TypeResolver* types() { return types_.get(); }

 private:
  pb::EncodedDescriptorDatabase files_;
  pb::DescriptorPool pool_;
  pb::DynamicMessageFactory messages_{&pool_};
  std::unique_ptr<pb::util::TypeResolver> types_;
};

// Says the same forever, so it is no state.
Api& api() {
  static Api instance;
  return instance;
}

std::string nameOf(const std::string& url) { return url.substr(url.rfind('/') + 1); }

std::string quoted(const std::string& text) { return "'" + text.substr(0, 120) + "'"; }

std::string explainType(const std::string& url) {
  const auto name = nameOf(url);
  if (url.find('/') == std::string::npos) {
    return "found " + quoted(url) + ", expected type.googleapis.com/ and the name of a type";
  }
  std::string why = "Envoy's API has no type " + quoted(name);
  if (name.find(".v2.") != std::string::npos || name.find(".v2alpha") != std::string::npos) {
    return why + ": it is of version 2, which Envoy takes no more. Expected the type of version 3";
  }
  if (name.starts_with("istio.") || name.find(".istio.") != std::string::npos || name.starts_with("stats.")) {
    return why + ": it belongs to a filter of Istio's own proxy, and this one is upstream's";
  }
  return why + ", expected one of https://www.envoyproxy.io/docs/envoy/latest/api-v3";
}

// The first @type that nobody knows.
const json* unknownType(const json& value, std::string& path) {
  if (value.is_object()) {
    const auto type = value.find("@type");
    if (type != value.end() && type->is_string() && !isEnvoyType(nameOf(type->get_ref<const std::string&>()))) {
      path += ".@type";
      return &*type;
    }
  }
  if (!value.is_structured()) return nullptr;
  std::size_t index = 0;
  for (const auto& [key, part] : value.items()) {
    const auto length = path.size();
    path += value.is_array() ? "[" + std::to_string(index++) + "]" : "." + key;
    if (const auto* found = unknownType(part, path)) return found;
    path.resize(length);
  }
  return nullptr;
}

// "(typed_config.stat_prefixx): invalid name stat_prefixx: Cannot find field." without what stands before it.
std::string words(const pb::util::Status& status) {
  const auto message = status.message();
  std::string text(message.data(), message.size());
  if (text.empty()) text = "it cannot be read";
  while (!text.empty() && (text.back() == '.' || text.back() == ' ')) text.pop_back();
  return text.substr(0, 400);
}

bool isValue(const pb::Descriptor& type) {
  static constexpr std::array<std::string_view, 12> kValues{
      "google.protobuf.Any",         "google.protobuf.Duration",    "google.protobuf.Timestamp",
      "google.protobuf.BoolValue",   "google.protobuf.BytesValue",  "google.protobuf.DoubleValue",
      "google.protobuf.FloatValue",  "google.protobuf.Int32Value",  "google.protobuf.Int64Value",
      "google.protobuf.StringValue", "google.protobuf.UInt32Value", "google.protobuf.UInt64Value"};
  for (const auto name : kValues) {
    if (type.full_name() == name) return true;
  }
  return false;
}

// Takes out of `into` what MergeFrom() would mix with what `from` says.
void makeRoom(pb::Message& into, const pb::Message& from, Lists lists) {
  const auto* reflection = from.GetReflection();
  std::vector<const pb::FieldDescriptor*> fields;
  reflection->ListFields(from, &fields);
  for (const auto* field : fields) {
    if (field->is_map()) continue;
    if (field->is_repeated()) {
      if (lists == Lists::replace) into.GetReflection()->ClearField(&into, field);
      continue;
    }
    if (field->cpp_type() != pb::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!into.GetReflection()->HasField(into, field)) continue;
    if (isValue(*field->message_type())) {
      into.GetReflection()->ClearField(&into, field);
    } else {
      makeRoom(*into.GetReflection()->MutableMessage(&into, field), reflection->GetMessage(from, field), lists);
    }
  }
}

}  // namespace

bool isEnvoyType(const std::string& fullName) { return api().type(fullName) != nullptr; }

tl::expected<FromJson, JsonProblem> fromJson(const std::string& fullName, const std::string& text) {
  const auto value = json::parse(text, nullptr, false);
  if (value.is_discarded()) return tl::unexpected(JsonProblem{"", "it is no JSON"});
  std::string path;
  if (const auto* type = unknownType(value, path)) {
    return tl::unexpected(JsonProblem{path, explainType(type->get<std::string>())});
  }
  FromJson result;
  const auto url = std::string(kPrefix) + "/" + fullName;
  pb::util::JsonParseOptions options;
  const auto strict = pb::util::JsonToBinaryString(api().types(), url, text, &result.bytes, options);
  if (strict.ok()) return result;
  result.bytes.clear();
  options.ignore_unknown_fields = true;
  const auto lenient = pb::util::JsonToBinaryString(api().types(), url, text, &result.bytes, options);
  if (!lenient.ok()) return tl::unexpected(JsonProblem{"", "it is no " + fullName + ": " + words(lenient)});
  result.ignored = words(strict);
  return result;
}

Result<std::string> toJson(const std::string& fullName, const std::string& bytes) {
  std::string text;
  pb::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.add_whitespace = true;
  const auto url = std::string(kPrefix) + "/" + fullName;
  const auto done = pb::util::BinaryToJsonString(api().types(), url, bytes, &text, options);
  if (!done.ok()) return failure("it is no " + fullName + ": " + words(done));
  return text;
}

void merge(pb::Message& into, const pb::Message& from, Lists lists) {
  makeRoom(into, from, lists);
  into.MergeFrom(from);
}

bool mergeBytes(const std::string& fullName, std::string& into, const std::string& from, Lists lists) {
  const auto* type = api().type(fullName);
  if (type == nullptr) return false;
  const auto target = api().make(type), source = api().make(type);
  if (!target->ParseFromString(into) || !source->ParseFromString(from)) return false;
  merge(*target, *source, lists);
  into = serialize(*target);
  return true;
}

}  // namespace fairway::translate
