#include "resources.h"

#include <google/protobuf/util/json_util.h>
#include <catch2/catch.hpp>

namespace fairway::translate::test {

bool Resources::has(Type type, const std::string& name) const {
  const auto found = byType.find(type);
  return found != byType.end() && found->second.contains(name);
}

std::vector<std::string> Resources::names(Type type) const {
  std::vector<std::string> result;
  const auto found = byType.find(type);
  if (found == byType.end()) return result;
  for (const auto& [name, resource] : found->second) result.push_back(name);
  return result;
}

void Resources::unpack(Type type, const std::string& name, google::protobuf::Message& message) const {
  INFO(shortName(type) << " " << name);
  REQUIRE(has(type, name));
  google::protobuf::Any any;
  REQUIRE(any.ParseFromString(byType.at(type).at(name)->body));
  REQUIRE(any.type_url() == typeUrl(type));
  REQUIRE(any.UnpackTo(&message));
}

bool Resources::noted(const std::string& object, const std::string& text) const {
  for (const auto& note : notes) {
    if (note.object.toString().starts_with(object) && note.message.find(text) != std::string::npos) return true;
  }
  return false;
}

Resources collect(UnitView& view, const Proxy& proxy) {
  Resources result;
  std::set<store::UnitKey> done;
  std::vector<store::UnitKey> pending = view.ask(ScopesOf{proxy});
  while (!pending.empty()) {
    const auto key = pending.back();
    pending.pop_back();
    if (!done.insert(key).second) continue;
    ++result.units[std::string(key.type)];
    const auto& output = view.output(key);
    pending.insert(pending.end(), output.children.begin(), output.children.end());
    for (const auto& resource : output.resources) {
      const auto [existing, added] = result.byType[resource->type].emplace(resource->name, resource);
      if (!added) result.duplicates.insert(resource->name);
    }
  }
  result.notes = view.notes();
  return result;
}

std::string toJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string json;
  const auto status = google::protobuf::util::MessageToJsonString(message, &json, options);
  return status.ok() ? json : std::string(status.message());
}

}  // namespace fairway::translate::test
