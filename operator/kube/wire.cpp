#include "kube/wire.h"

#include <algorithm>
#include <thread>

#include <nlohmann/json.hpp>

#include "kube/api_server.h"
#include "kube/fields.h"
#include "kube/json_scan.h"
#include "kube/unread.h"

namespace fairway::kube {
namespace {

using Json = nlohmann::json;

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

// Parses what the codec reads of an object; discarded if that is no JSON.
Json parseObject(std::string_view text, const api::KindInfo& info) {
  std::string kept;
  kept.reserve(text.size());
  if (!copyWithout(text, unreadOf(info.kind), kept)) return Json(Json::value_t::discarded);
  return Json::parse(kept, nullptr, false);
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
  std::string_view metadata, items;
  const bool whole = scanMembers(body, [&](std::string_view key, std::string_view value) {
    if (key == "metadata") metadata = value;
    if (key == "items") items = value;
  });
  const auto noJson = [&] { return failure("the list of " + std::string(info.plural) + " is no JSON"); };
  if (!whole) return noJson();
  // An empty list of a built-in kind may be null.
  if (!items.starts_with('[') && items != "null") {
    return failure("the list of " + std::string(info.plural) + " has no items");
  }
  const Json meta = Json::parse(metadata, nullptr, false);
  Page page;
  page.resourceVersion = text(meta, "resourceVersion");
  page.continueToken = text(meta, "continue");
  if (page.resourceVersion.empty()) {
    return failure("the list of " + std::string(info.plural) + " has no metadata.resourceVersion");
  }
  if (items == "null") return page;
  // One object after the other: of a page of big ones no more than one is held twice.
  bool sound = true;
  sound &= scanItems(items, [&](std::string_view text) {
    Json item = parseObject(text, info);
    sound &= !item.is_discarded();
    if (!sound) return;
    std::string problem;
    if (auto object = decodeObject(item, info, version, problem)) {
      page.objects.push_back(std::move(object));
    } else {
      page.unreadable.push_back(std::move(problem));
    }
  });
  if (!sound) return noJson();
  return page;
}

Result<WatchEvent> decodeEvent(std::string_view line, const api::KindInfo& info, std::string_view version) {
  std::string_view kind, content;
  const bool whole = scanMembers(line, [&](std::string_view key, std::string_view value) {
    if (key == "type") kind = value;
    if (key == "object") content = value;
  });
  const Json named = whole ? Json::parse(kind, nullptr, false) : Json();
  const std::string type = named.is_string() ? named.get<std::string>() : std::string();
  // The object of an error is a Status, whose own fields count.
  Json object = type == "ERROR" ? Json::parse(content, nullptr, false) : parseObject(content, info);
  if (!whole || !object.is_object()) {
    return failure("a watch of " + std::string(info.plural) + " brought a line that is no event");
  }
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
  if (type == "BOOKMARK") {
    event.initialEventsEnd = text(child(child(object, "metadata"), "annotations"), kInitialEventsEnd) == "true";
    return event;
  }
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

std::vector<Result<WatchEvent>> decodeEvents(const std::vector<std::string>& lines, const api::KindInfo& info,
                                             std::string_view version) {
  constexpr std::size_t kWorthAThread = 100;  // lines: some milliseconds
  const auto most = std::max<std::size_t>(1, std::thread::hardware_concurrency());
  const auto parts = std::clamp<std::size_t>(lines.size() / kWorthAThread, 1, most);
  std::vector<Result<WatchEvent>> events(lines.size());
  const auto decodePart = [&](std::size_t part) {
    for (auto i = lines.size() * part / parts; i < lines.size() * (part + 1) / parts; ++i) {
      events[i] = decodeEvent(lines[i], info, version);
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t part = 1; part < parts; ++part) others.emplace_back(decodePart, part);
  decodePart(0);
  others.clear();
  return events;
}

}  // namespace fairway::kube
