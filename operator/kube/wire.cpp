#include "kube/wire.h"
#include "kube/fields.h"

#include <nlohmann/json.hpp>

namespace fairway::kube {
namespace {

using Json = nlohmann::json;

// Parses without the values of `metadata.managedFields`, which are half the bytes of many objects. Only keys at
// `depth` count, so that a label or a field of the same name elsewhere stays.
Json parseWithoutManagedFields(std::string_view text, int depth) {
  const Json::parser_callback_t filter = [depth](int at, Json::parse_event_t event, Json& parsed) {
    return !(event == Json::parse_event_t::key && at == depth && parsed == "managedFields");
  };
  return Json::parse(text, filter, false);
}

std::string describe(const Json& object) {
  const Json& meta = child(object, "metadata");
  const api::NamespacedName name{text(meta, "namespace"), text(meta, "name")};
  return name.name.empty() ? "an object without a name" : name.toString();
}

void fillIn(Json& object, const api::KindInfo& info, std::string_view version) {
  if (!object.is_object()) return;
  if (!object.contains("kind")) object["kind"] = info.name;
  if (!object.contains("apiVersion")) {
    object["apiVersion"] =
        info.group.empty() ? std::string(version) : std::string(info.group) + "/" + std::string(version);
  }
}

api::ObjectPtr decodeObject(Json& object, const api::KindInfo& info, std::string_view version, std::string& problem) {
  fillIn(object, info, version);
  api::Decoded decoded = api::decode(object);
  if (decoded.object && decoded.object->kind == info.kind) return std::move(decoded.object);
  problem = describe(object) + " is no " + std::string(info.name);
  for (const api::Problem& found : decoded.problems) problem += "; " + found.field + ": " + found.message;
  return nullptr;
}

}  // namespace

Result<Page> decodePage(std::string_view body, const api::KindInfo& info, std::string_view version) {
  // {"items":[{"metadata":{"managedFields"
  Json list = parseWithoutManagedFields(body, 4);
  if (list.is_discarded()) return failure("the list of " + std::string(info.plural) + " is no JSON");
  const auto items = list.is_object() ? list.find("items") : list.end();
  // An empty list of a built-in kind may be null.
  if (items == list.end() || !(items->is_array() || items->is_null())) {
    return failure("the list of " + std::string(info.plural) + " has no items");
  }
  const Json& meta = child(list, "metadata");
  Page page;
  page.resourceVersion = text(meta, "resourceVersion");
  page.continueToken = text(meta, "continue");
  if (page.resourceVersion.empty()) {
    return failure("the list of " + std::string(info.plural) + " has no metadata.resourceVersion");
  }
  if (items->is_null()) return page;
  page.objects.reserve(items->size());
  for (Json& item : *items) {
    std::string problem;
    if (auto object = decodeObject(item, info, version, problem)) {
      page.objects.push_back(std::move(object));
    } else {
      page.unreadable.push_back(std::move(problem));
    }
    item = nullptr;  // a page of big objects is not held twice
  }
  return page;
}

Result<WatchEvent> decodeEvent(std::string_view line, const api::KindInfo& info, std::string_view version) {
  // {"object":{"metadata":{"managedFields"
  Json json = parseWithoutManagedFields(line, 3);
  const auto found = json.is_object() ? json.find("object") : json.end();
  if (json.is_discarded() || found == json.end() || !found->is_object()) {
    return failure("a watch of " + std::string(info.plural) + " brought a line that is no event");
  }
  Json& object = *found;
  const std::string type = text(json, "type");
  WatchEvent event;
  if (type == "ERROR") {
    event.type = WatchEvent::Type::error;
    const Json& code = child(object, "code");
    event.code = code.is_number_integer() ? code.get<int>() : 0;
    event.message = text(object, "message");
    return event;
  }
  event.resourceVersion = text(child(object, "metadata"), "resourceVersion");
  if (event.resourceVersion.empty()) {
    return failure("a watch of " + std::string(info.plural) + " brought an event without resourceVersion");
  }
  if (type == "BOOKMARK") return event;
  if (type == "ADDED") {
    event.type = WatchEvent::Type::added;
  } else if (type == "MODIFIED") {
    event.type = WatchEvent::Type::modified;
  } else if (type == "DELETED") {
    event.type = WatchEvent::Type::deleted;
  } else {
    return failure("a watch of " + std::string(info.plural) + " brought an event of unknown type \"" + type + "\"");
  }
  event.object = decodeObject(object, info, version, event.message);
  return event;
}

}  // namespace fairway::kube
