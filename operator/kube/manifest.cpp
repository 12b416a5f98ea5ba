#include "kube/manifest.h"

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/yaml.h"
#include "base/hash.h"
#include "base/strings.h"
#include "kube/log.h"

namespace fairway::kube {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxValues = 1'000'000;
constexpr const char* kCreated = "1970-01-01T00:00:00Z";

std::string textAt(const Json& json, const char* key) {
  if (!json.is_object()) return {};
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

// What the API server would have added.
void fillIn(Json& json) {
  if (!json.is_object()) return;
  const auto meta = json.find("metadata");
  if (meta == json.end() || !meta->is_object()) return;
  const bool versioned = !textAt(*meta, "resourceVersion").empty();
  if (textAt(*meta, "creationTimestamp").empty()) (*meta)["creationTimestamp"] = kCreated;
  if (!versioned) {
    (*meta)["resourceVersion"] = contentHash(json.dump(-1, ' ', false, Json::error_handler_t::replace));
  }
}

// The place is told apart from the reason in "line L, column C: reason".
std::size_t lineOf(const std::string& message) {
  constexpr std::string_view kStart = "line ";
  if (!message.starts_with(kStart)) return 0;
  const std::size_t end = message.find_first_not_of("0123456789", kStart.size());
  return toNumber(std::string_view(message).substr(kStart.size(), end - kStart.size())).value_or(0);
}

std::string nameOf(const Json& json) {
  const std::string kind = textAt(json, "kind");
  const auto meta = json.is_object() ? json.find("metadata") : json.end();
  const std::string name = meta == json.end() ? "" : textAt(*meta, "name");
  if (kind.empty() || name.empty()) return kind + name;
  const std::string ns = textAt(*meta, "namespace");
  return kind + " " + (ns.empty() ? "" : ns + "/") + name;
}

void readDocument(const std::string& file, api::YamlDocument document, Manifest& manifest) {
  fillIn(document.value);
  api::Decoded decoded = api::decode(document.value);
  const bool failed = api::hasErrors(decoded.problems);
  if (!decoded.object && !failed) {
    log().info("{}:{}: {} of {} is not one of Fairway's kinds; it is ignored", file, document.line,
               textAt(document.value, "kind"), textAt(document.value, "apiVersion"));
    return;
  }
  const std::string object =
      decoded.object ? objectText(decoded.object->kind, decoded.object->meta.key()) : nameOf(document.value);
  for (const api::Problem& problem : decoded.problems) {
    const std::size_t line = document.lines.lineOf(problem.field);
    manifest.problems.push_back({.severity = problem.severity,
                                 .file = file,
                                 .line = line == 0 ? document.line : line,
                                 .object = object,
                                 .field = problem.field,
                                 .message = problem.message});
  }
  if (decoded.object) {
    manifest.objects.push_back({std::move(decoded.object), document.line});
  } else {
    manifest.complete = false;
  }
}

}  // namespace

std::string objectText(api::Kind kind, const api::NamespacedName& name) {
  return std::string(api::kindInfo(kind).name) + " " + name.toString();
}

Manifest readManifest(const std::string& file, const std::string& content) {
  Manifest manifest;
  auto documents = api::parseYaml(content, {.bytes = kMaxManifestBytes, .depth = 64, .nodes = kMaxValues});
  if (!documents) {
    manifest.problems.push_back(
        {.file = file,
         .line = lineOf(documents.error().message),
         .object = {},
         .field = {},
         .message = "no YAML or JSON: " + documents.error().message + "; what the file held before stays in effect"});
    return manifest;
  }
  manifest.parsed = manifest.complete = true;
  for (api::YamlDocument& document : *documents) {
    for (api::YamlDocument& item : api::expandList(std::move(document))) {
      readDocument(file, std::move(item), manifest);
    }
  }
  return manifest;
}

}  // namespace fairway::kube
