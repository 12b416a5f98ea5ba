#include "analyze/resource.h"

#include <map>

#include "api/codec.h"
#include "api/core.h"
#include "api/decoder.h"
#include "base/finding.h"

namespace fairway::analyze {

using nlohmann::json;

namespace {

// Addresses of the range for documentation: no policy means them.
constexpr const char* kServiceAddress = "192.0.2.1";
constexpr const char* kPodAddress = "192.0.2.2";

std::string textAt(const json& value, const char* key) {
  const auto found = value.is_object() ? value.find(key) : value.end();
  return found != value.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& childOf(const json& value, const char* key) {
  static const json none = json::object();
  const auto found = value.is_object() ? value.find(key) : value.end();
  return value.is_object() && found != value.end() ? *found : none;
}

api::Labels textsOf(const json& value) {
  api::Labels result;
  if (!value.is_object()) return result;
  for (const auto& [key, text] : value.items()) {
    if (text.is_string()) result.emplace(key, text.get<std::string>());
  }
  return result;
}

// Where the pods of a kind are described; null for kinds that have none.
const char* templateOf(const std::string& group, const std::string& kind) {
  static const std::map<std::pair<std::string, std::string>, const char*> kinds = {
      {{"", "Pod"}, ""},
      {{"", "ReplicationController"}, "spec.template"},
      {{"apps", "Deployment"}, "spec.template"},
      {{"apps", "StatefulSet"}, "spec.template"},
      {{"apps", "DaemonSet"}, "spec.template"},
      {{"apps", "ReplicaSet"}, "spec.template"},
      {{"apps.openshift.io", "DeploymentConfig"}, "spec.template"},
      {{"batch", "Job"}, "spec.template"},
      {{"batch", "CronJob"}, "spec.jobTemplate.spec.template"}};
  const auto found = kinds.find({group, kind});
  return found == kinds.end() ? nullptr : found->second;
}

const json& follow(const json& value, const std::string& path) {
  const auto* at = &value;
  std::size_t begin = 0;
  while (begin < path.size()) {
    const auto end = std::min(path.find('.', begin), path.size());
    at = &childOf(*at, path.substr(begin, end - begin).c_str());
    begin = end + 1;
  }
  return *at;
}

// Of a pod's spec what decides about injection and what its containers are; a cluster has many pods.
json smallSpec(const json& spec) {
  json result = json::object();
  for (const char* key : {"hostNetwork", "os", "securityContext", "serviceAccountName", "nodeName"}) {
    if (spec.is_object() && spec.contains(key)) result[key] = spec[key];
  }
  for (const char* list : {"containers", "initContainers"}) {
    const auto& containers = childOf(spec, list);
    if (!containers.is_array()) continue;
    result[list] = json::array();
    for (const auto& container : containers) {
      if (!container.is_object()) continue;
      json kept = json::object();
      for (const char* key : {"name", "image", "securityContext", "ports", "args", "restartPolicy"}) {
        if (container.contains(key)) kept[key] = container[key];
      }
      result[list].push_back(std::move(kept));
    }
  }
  return result;
}

std::optional<PodTemplate> readPod(const json& document, const Resource& resource) {
  const auto* path = templateOf(resource.group, resource.kind);
  if (path == nullptr) return std::nullopt;
  const auto& source = follow(document, path);
  if (!source.is_object() || !source.contains("spec") || !source["spec"].is_object()) return std::nullopt;
  PodTemplate result;
  result.at = path;
  const auto& meta = childOf(source, "metadata");
  result.labels = textsOf(childOf(meta, "labels"));
  result.annotations = textsOf(childOf(meta, "annotations"));
  json pod{{"apiVersion", "v1"},
           {"kind", "Pod"},
           {"metadata", {{"name", resource.name}, {"namespace", resource.ns}}},
           {"spec", smallSpec(childOf(source, "spec"))}};
  pod["metadata"]["labels"] = result.labels;
  pod["metadata"]["annotations"] = result.annotations;
  if (result.at.empty()) {
    const auto& status = childOf(document, "status");
    const auto phase = textAt(status, "phase");
    result.finished = phase == "Succeeded" || phase == "Failed" || !textAt(meta, "deletionTimestamp").empty();
    const auto& owners = childOf(meta, "ownerReferences");
    if (owners.is_array() && !owners.empty()) result.ownerKind = textAt(owners.front(), "kind");
  }
  result.pod = pod;
  const auto& status = childOf(document, "status");
  pod["status"] = status;
  if (textAt(status, "podIP").empty()) {
    pod["status"] = {{"phase", "Running"}, {"podIP", kPodAddress}, {"podIPs", {{{"ip", kPodAddress}}}}};
  }
  const auto decoded = api::decode(pod);
  if (!decoded.object) return result;
  auto object = std::make_shared<api::Pod>(static_cast<const api::Pod&>(*decoded.object));
  // The name of no pod, so that it stands beside those that are there.
  if (!result.at.empty()) object->meta.name = resource.kind + " " + resource.name;
  result.stand_in = std::move(object);
  return result;
}

// A manifest leaves its address to the API server: without one it would count as headless.
void giveAddress(json& document) {
  auto& spec = document["spec"];
  if (!spec.is_object() || textAt(spec, "type") == "ExternalName") return;
  if (!textAt(spec, "clusterIP").empty() || spec.contains("clusterIPs")) return;
  spec["clusterIP"] = kServiceAddress;
  spec["clusterIPs"] = json::array({kServiceAddress});
}

}  // namespace

std::string Origin::at(const std::string& field) const {
  if (file.empty()) return {};
  const auto found = field.empty() ? 0 : lines.lineOf(field);
  return file + ":" + std::to_string(found == 0 ? line : found);
}

std::string Resource::text() const { return objectName(kind, ns, name); }

std::string whyNoObject(const json& document) {
  if (!document.is_object())
    return "found " + api::describe(document) + ", expected an object with apiVersion and kind";
  if (textAt(document, "kind").empty()) return "it has no kind";
  if (textAt(document, "apiVersion").empty()) return "it has no apiVersion";
  return {};
}

std::optional<Resource> readResource(json document, Origin origin, const std::string& defaultNs) {
  if (!whyNoObject(document).empty()) return std::nullopt;
  Resource result;
  const auto apiVersion = textAt(document, "apiVersion");
  const auto slash = apiVersion.find('/');
  if (slash != std::string::npos) result.group = apiVersion.substr(0, slash);
  result.version = slash == std::string::npos ? apiVersion : apiVersion.substr(slash + 1);
  result.kind = textAt(document, "kind");
  const auto& meta = childOf(document, "metadata");
  result.name = textAt(meta, "name");
  result.ns = textAt(meta, "namespace");
  result.annotations = textsOf(childOf(meta, "annotations"));
  const auto* info = api::findKind(apiVersion, result.kind);
  const bool namespaced = info == nullptr || info->namespaced;
  if (!namespaced) {
    result.ns.clear();
  } else if (result.ns.empty()) {
    result.ns = defaultNs;
    if (document.contains("metadata") && document["metadata"].is_object())
      document["metadata"]["namespace"] = defaultNs;
  }
  result.pod = readPod(document, result);
  result.origin = std::move(origin);
  if (result.pod && result.pod->at.empty()) {
    result.object = result.pod->stand_in;
    return result;
  }
  if (info == nullptr) return result;
  if (info->kind == api::Kind::service) giveAddress(document);
  auto decoded = api::decode(document);
  result.object = std::move(decoded.object);
  result.problems = std::move(decoded.problems);
  return result;
}

}  // namespace fairway::analyze
