#include "control/root_config_maps.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/hash.h"

namespace fairway::control {

using Json = nlohmann::json;

namespace {

constexpr const char* kKey = "root-cert.pem";
constexpr const char* kBundleKey = "trust.json";
constexpr std::array kSystemNamespaces{"kube-node-lease", "kube-public", "kube-system"};
const kube::Resource kConfigMaps{"", "v1", "configmaps", "", ""};

std::string textAt(const Json& object, const char* pointer) {
  const Json::json_pointer at(pointer);
  if (!object.is_object() || !object.contains(at)) return {};
  const Json& value = object.at(at);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

}  // namespace

Json keepNamespace(const Json& object) {
  const bool terminating =
      !textAt(object, "/metadata/deletionTimestamp").empty() || textAt(object, "/status/phase") == "Terminating";
  return {{"terminating", terminating}};
}

Json keepRootConfigMap(const Json& object) {
  const auto bundle = textAt(object, "/data/trust.json");
  return {{"hash", contentHash(textAt(object, "/data/root-cert.pem"))},
          {"bundle", bundle.empty() ? bundle : contentHash(bundle)},
          {"label", textAt(object, "/metadata/labels/istio.io~1config") == "true"}};
}

std::vector<Write> rootConfigMapWrites(const kube::Mirror::Objects& namespaces, const kube::Mirror::Objects& configMaps,
                                       const TrustTexts& trust) {
  const Json labels{{"istio.io/config", "true"}};
  const Json wanted{{"hash", contentHash(trust.roots)},
                    {"bundle", trust.bundle.empty() ? trust.bundle : contentHash(trust.bundle)},
                    {"label", true}};
  Json data{{kKey, trust.roots}};
  if (!trust.bundle.empty()) data[kBundleKey] = trust.bundle;
  Json patched = data;
  if (trust.bundle.empty()) patched[kBundleKey] = nullptr;  // a merge patch removes it so
  const std::string patch = Json{{"metadata", {{"labels", labels}}}, {"data", patched}}.dump();
  std::vector<Write> creations, patches;
  for (const auto& [key, ns] : namespaces) {
    const bool system =
        std::find(kSystemNamespaces.begin(), kSystemNamespaces.end(), key.name) != kSystemNamespaces.end();
    if (system || ns.value("terminating", false)) continue;
    const auto found = configMaps.find({key.name, kRootConfigMap});
    if (found != configMaps.end() && found->second == wanted) continue;
    Write write{"root certificate", std::string("ConfigMap ") + key.name + "/" + kRootConfigMap, {}};
    if (found == configMaps.end()) {
      const Json object{{"apiVersion", "v1"},
                        {"kind", "ConfigMap"},
                        {"metadata", {{"name", kRootConfigMap}, {"namespace", key.name}, {"labels", labels}}},
                        {"data", data}};
      write.call = kube::createCall(kube::objectPath(kConfigMaps, key.name), object.dump());
      creations.push_back(std::move(write));
    } else {
      write.call =
          kube::patchCall(kube::objectPath(kConfigMaps, key.name, kRootConfigMap), kube::PatchType::merge, patch);
      patches.push_back(std::move(write));
    }
  }
  creations.insert(creations.end(), std::make_move_iterator(patches.begin()), std::make_move_iterator(patches.end()));
  return creations;
}

}  // namespace fairway::control
