#include "diagnose/support.h"

#include <array>

#include "base/time.h"

namespace fairway::diagnose {

using nlohmann::json;

namespace {

const json* find(const json& object, const std::string& pointer) {
  const json::json_pointer path(pointer);
  return object.contains(path) ? &object.at(path) : nullptr;
}

// Label names hold slashes, which a JSON pointer would take for steps.
std::string entryOf(const json& object, const std::string& pointer, const std::string& key) {
  const auto* map = find(object, pointer);
  if (map == nullptr || !map->is_object()) return {};
  const auto entry = map->find(key);
  return entry != map->end() && entry->is_string() ? entry->get<std::string>() : std::string();
}

Finding unreadable(const std::string& what, const Error& error) {
  return {"FW0003", Severity::error, "", what + " cannot be read: " + error.message,
          "run the check as a user who may read it, such as a cluster administrator"};
}

}  // namespace

std::string textAt(const json& object, const std::string& pointer) {
  const auto* value = find(object, pointer);
  return value != nullptr && value->is_string() ? value->get<std::string>() : std::string();
}

json objectAt(const json& object, const std::string& pointer) {
  const auto* value = find(object, pointer);
  return value != nullptr && value->is_object() ? *value : json::object();
}

std::vector<json> itemsAt(const json& object, const std::string& pointer) {
  const auto* value = find(object, pointer);
  if (value == nullptr || !value->is_array()) return {};
  return {value->begin(), value->end()};
}

std::string labelOf(const json& object, const std::string& label) { return entryOf(object, "/metadata/labels", label); }

std::string annotationOf(const json& object, const std::string& annotation) {
  return entryOf(object, "/metadata/annotations", annotation);
}

std::string nameOf(const json& object) { return textAt(object, "/metadata/name"); }
std::string namespaceOf(const json& object) { return textAt(object, "/metadata/namespace"); }

std::optional<std::chrono::system_clock::time_point> parseTime(const std::string& text) { return timeOfText(text); }

std::string withRevision(const std::string& name, const Options& options) {
  return options.revision.empty() || options.revision == "default" ? name : name + "-" + options.revision;
}

std::vector<json> listOr(Cluster& cluster, const std::string& path, const std::string& what, Findings& out) {
  auto items = cluster.list(path);
  if (items) return std::move(*items);
  out.push_back(unreadable(what, items.error()));
  return {};
}

std::optional<json> getOr(Cluster& cluster, const std::string& path, const std::string& what, Findings& out) {
  auto object = cluster.get(path);
  if (object) return std::move(*object);
  out.push_back(unreadable(what, object.error()));
  return std::nullopt;
}

}  // namespace fairway::diagnose
