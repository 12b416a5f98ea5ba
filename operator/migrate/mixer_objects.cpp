#include "migrate/mixer_objects.h"

#include "base/strings.h"

namespace fairway::migrate {

using nlohmann::json;

const json& child(const json& object, const char* name) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(name);
  return found == object.end() ? kNothing : *found;
}

std::string text(const json& object, const char* name) {
  const auto& value = child(object, name);
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string idOf(const json& object) {
  const auto& meta = child(object, "metadata");
  return text(object, "kind") + "/" + text(meta, "namespace") + "/" + text(meta, "name");
}

std::string whatIs(const json& object) {
  const auto kind = toLower(text(object, "kind"));
  const auto& spec = child(object, "spec");
  if (kind == "handler") return toLower(text(spec, "compiledAdapter"));
  if (kind == "instance") return toLower(text(spec, "compiledTemplate"));
  return kind;
}

const json& parametersOf(const json& object) {
  const auto& spec = child(object, "spec");
  const auto kind = toLower(text(object, "kind"));
  return kind == "handler" || kind == "instance" ? child(spec, "params") : spec;
}

const json* findMixer(const std::vector<json>& objects, const std::string& ns, const std::string& reference) {
  const auto parts = split(reference, '.');
  for (const auto& object : objects) {
    const auto& meta = child(object, "metadata");
    const auto kind = toLower(text(object, "kind"));
    if (text(meta, "name") != parts.front() || kind == "rule") continue;
    const bool sameKind = parts.size() < 2 || parts[1] == kind || kind == "handler" || kind == "instance";
    if (sameKind && (text(meta, "namespace") == ns || parts.back() == text(meta, "namespace"))) return &object;
  }
  return nullptr;
}

}  // namespace fairway::migrate
