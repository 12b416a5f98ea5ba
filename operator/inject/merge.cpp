#include "inject/merge.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

constexpr const char* kDirective = "$patch";

// patchMergeKey of the lists in core/v1 PodSpec and Container; empty: the list is replaced.
std::string_view mergeKey(std::string_view field) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 14> kKeys = {{
      {"containers", "name"},
      {"initContainers", "name"},
      {"ephemeralContainers", "name"},
      {"volumes", "name"},
      {"imagePullSecrets", "name"},
      {"schedulingGates", "name"},
      {"resourceClaims", "name"},
      {"env", "name"},
      {"hostAliases", "ip"},
      {"topologySpreadConstraints", "topologyKey"},
      {"volumeMounts", "mountPath"},
      {"volumeDevices", "devicePath"},
      {"ports", "containerPort"},
      {"ownerReferences", "uid"},
  }};
  const auto found = std::find_if(kKeys.begin(), kKeys.end(), [&](const auto& entry) { return entry.first == field; });
  return found == kKeys.end() ? std::string_view{} : found->second;
}

std::string directive(const Json& value) {
  if (!value.is_object()) return {};
  const auto found = value.find(kDirective);
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

Json merge(Json base, const Json& patch, std::string_view field);

Json mergeLists(Json base, const Json& patch, std::string_view key) {
  for (const auto& item : patch) {
    const auto id = item.is_object() ? item.find(key) : item.end();
    const auto same = std::find_if(base.begin(), base.end(), [&](const Json& other) {
      return id != item.end() && other.is_object() && other.contains(key) && other[std::string(key)] == *id;
    });
    if (directive(item) == "delete") {
      if (same != base.end()) base.erase(same);
    } else if (same != base.end()) {
      *same = merge(std::move(*same), item, {});
    } else {
      base.push_back(merge(nullptr, item, {}));
    }
  }
  return base;
}

Json merge(Json base, const Json& patch, std::string_view field) {
  if (patch.is_array()) {
    const auto key = mergeKey(field);
    if (key.empty()) return patch;
    return mergeLists(base.is_array() ? std::move(base) : Json::array(), patch, key);
  }
  if (!patch.is_object()) return patch;
  if (!base.is_object() || directive(patch) == "replace") base = Json::object();
  for (const auto& [name, value] : patch.items()) {
    if (name == kDirective) continue;
    if (value.is_null() || directive(value) == "delete") {
      base.erase(name);
    } else {
      base[name] = merge(std::move(base[name]), value, name);
    }
  }
  return base;
}

}  // namespace

Json strategicMerge(Json base, const Json& patch) { return merge(std::move(base), patch, {}); }

}  // namespace fairway::inject
