#include "inject/pod.h"

#include <algorithm>
#include <array>

#include "api/decoder.h"
#include "api/field_path.h"
#include "api/owner.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

Error expected(const std::string& field, const Json& found, const std::string& what) {
  return Error{field + ": found " + api::describe(found) + ", expected " + what};
}

Result<void> checkTexts(const Json& metadata, const std::string& key) {
  const auto* texts = member(metadata, key);
  if (texts == nullptr) return {};
  const auto field = "metadata." + key;
  if (!texts->is_object()) return tl::unexpected(expected(field, *texts, "a mapping of texts"));
  for (const auto& [name, value] : texts->items()) {
    if (!value.is_string()) {
      return tl::unexpected(expected(api::fieldPath(field, name), value,
                                     value.is_primitive() && !value.is_null() ? "text (put it in quotes)" : "text"));
    }
  }
  return {};
}

// A list of mappings; with `key`, each of them has this text.
Result<void> checkList(const Json& object, const std::string& parent, const std::string& name, const char* key) {
  const auto* list = member(object, name);
  if (list == nullptr) return {};
  const auto field = api::fieldPath(parent, name);
  if (!list->is_array()) return tl::unexpected(expected(field, *list, "a list"));
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto at = api::fieldPath(field, i);
    if (!(*list)[i].is_object()) return tl::unexpected(expected(at, (*list)[i], "a mapping"));
    if (key != nullptr && textAt((*list)[i], key).empty()) return failure(at + ": expected the text \"" + key + "\"");
  }
  return {};
}

Result<void> checkContainers(const Json& spec, const std::string& name) {
  if (auto checked = checkList(spec, "spec", name, "name"); !checked) return checked;
  const auto* list = member(spec, name);
  if (list == nullptr) return {};
  for (std::size_t i = 0; i < list->size(); ++i) {
    const auto& container = (*list)[i];
    const auto at = api::fieldPath("spec." + name, i);
    for (const auto& [part, key] : std::array<std::pair<const char*, const char*>, 3>{
             {{"env", "name"}, {"volumeMounts", "mountPath"}, {"ports", nullptr}}}) {
      if (auto checked = checkList(container, at, part, key); !checked) return checked;
    }
    for (const char* part : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "securityContext"}) {
      const auto* value = member(container, part);
      if (value != nullptr && !value->is_object()) {
        return tl::unexpected(expected(api::fieldPath(at, part), *value, "a mapping"));
      }
    }
  }
  return {};
}

}  // namespace

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Json* member(Json& object, std::string_view key) {
  return const_cast<Json*>(member(static_cast<const Json&>(object), key));  // the object itself is not const
}

std::string textAt(const Json& object, std::string_view key) {
  const auto* found = member(object, key);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string{};
}

Json& listAt(Json& object, const std::string& key) {
  auto& list = object[key];
  if (list.is_null()) list = Json::array();
  return list;
}

const Json* named(const Json* list, std::string_view name) {
  if (list == nullptr) return nullptr;
  const auto found =
      std::find_if(list->begin(), list->end(), [&](const Json& item) { return textAt(item, "name") == name; });
  return found == list->end() ? nullptr : &*found;
}

Json* named(Json* list, std::string_view name) {
  return const_cast<Json*>(named(static_cast<const Json*>(list), name));  // the list itself is not const
}

Result<void> checkPod(const Json& pod) {
  if (!pod.is_object()) return failure("found " + api::describe(pod) + ", expected a pod");
  for (const char* part : {"metadata", "spec"}) {
    const auto* value = member(pod, part);
    if (value == nullptr) continue;
    if (!value->is_object()) return tl::unexpected(expected(part, *value, "a mapping"));
  }
  if (const auto* metadata = member(pod, "metadata")) {
    if (auto checked = checkTexts(*metadata, "labels"); !checked) return checked;
    if (auto checked = checkTexts(*metadata, "annotations"); !checked) return checked;
    if (auto checked = checkList(*metadata, "metadata", "ownerReferences", nullptr); !checked) return checked;
  }
  const auto* spec = member(pod, "spec");
  const auto* containers = spec == nullptr ? nullptr : member(*spec, "containers");
  if (containers == nullptr) return failure("spec.containers: expected a list of containers, found nothing");
  if (auto checked = checkContainers(*spec, "containers"); !checked) return checked;
  if (auto checked = checkContainers(*spec, "initContainers"); !checked) return checked;
  if (auto checked = checkList(*spec, "spec", "volumes", "name"); !checked) return checked;
  const auto* security = member(*spec, "securityContext");
  if (security != nullptr && !security->is_object()) {
    return tl::unexpected(expected("spec.securityContext", *security, "a mapping"));
  }
  return checkList(*spec, "spec", "imagePullSecrets", nullptr);
}

api::Labels labelsOf(const Json& pod) {
  const auto* metadata = member(pod, "metadata");
  const auto* labels = metadata == nullptr ? nullptr : member(*metadata, "labels");
  return labels == nullptr ? api::Labels{} : labels->get<api::Labels>();
}

api::Labels annotationsOf(const Json& pod) {
  const auto* metadata = member(pod, "metadata");
  const auto* annotations = metadata == nullptr ? nullptr : member(*metadata, "annotations");
  return annotations == nullptr ? api::Labels{} : annotations->get<api::Labels>();
}

Workload workloadOf(const Json& pod) {
  const auto* metadata = member(pod, "metadata");
  if (metadata == nullptr) return {};
  if (const auto* owners = member(*metadata, "ownerReferences")) {
    for (const auto& owner : *owners) {
      const auto* controller = member(owner, "controller");
      if (controller == nullptr || *controller != true) continue;
      auto found = api::workloadBehind({textAt(owner, "apiVersion"), textAt(owner, "kind"), textAt(owner, "name")},
                                       labelsOf(pod));
      return {std::move(found.apiVersion), std::move(found.kind), std::move(found.name)};
    }
  }
  auto name = textAt(*metadata, "name");
  if (name.empty()) {
    name = textAt(*metadata, "generateName");
    while (name.ends_with('-')) name.pop_back();
  }
  return {"v1", "Pod", name};
}

std::string podText(const Json& pod, const std::string& ns) {
  const auto* metadata = member(pod, "metadata");
  auto name = metadata == nullptr ? std::string{} : textAt(*metadata, "name");
  if (name.empty() && metadata != nullptr) name = textAt(*metadata, "generateName") + "*";
  if (name.empty() || name == "*") return "pod template";
  return "pod " + (ns.empty() ? "" : ns + "/") + name;
}

void moveNamed(Json& list, std::string_view name, std::size_t position) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const Json& item) { return textAt(item, "name") == name; });
  if (found == list.end()) return;
  Json item = std::move(*found);
  list.erase(found);
  list.insert(list.begin() + static_cast<std::ptrdiff_t>(std::min(position, list.size())), std::move(item));
}

}  // namespace fairway::inject
