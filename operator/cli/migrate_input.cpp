#include "cli/migrate_input.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "cli/cluster_objects.h"
#include "cli/manifest_files.h"
#include "kube/fields.h"
#include "migrate/mixer.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

// What policies are about, and what says which workloads and ports they mean.
bool matters(api::Kind kind) {
  switch (kind) {
    case api::Kind::namespace_:
    case api::Kind::pod:
    case api::Kind::service:
    case api::Kind::service_entry:
    case api::Kind::config_map:
    case api::Kind::policy:
    case api::Kind::mesh_policy:
    case api::Kind::service_role:
    case api::Kind::service_role_binding:
    case api::Kind::rbac_config:
    case api::Kind::cluster_rbac_config:
    case api::Kind::peer_authentication:
    case api::Kind::authorization_policy:
    case api::Kind::request_authentication: return true;
    default: return false;
  }
}

// Manifests of workloads hold pods to be: one stands for all of a Deployment and its like.
std::optional<json> podOf(const json& value) {
  const auto kind = kube::text(value, "kind");
  if (kind != "Deployment" && kind != "StatefulSet" && kind != "DaemonSet" && kind != "ReplicaSet") return std::nullopt;
  const auto& pod = kube::child(kube::child(value, "spec"), "template");
  if (!pod.is_object()) return std::nullopt;
  json result{{"apiVersion", "v1"},
              {"kind", "Pod"},
              {"metadata", kube::child(pod, "metadata")},
              {"spec", kube::child(pod, "spec")}};
  if (!result["metadata"].is_object()) result["metadata"] = json::object();
  const auto& meta = kube::child(value, "metadata");
  result["metadata"]["name"] = kube::text(meta, "name");
  if (const auto ns = kube::text(meta, "namespace"); !ns.empty()) result["metadata"]["namespace"] = ns;
  return result;
}

void add(json value, const std::string& where, const std::string& defaultNs, migrate::Request& request,
         std::vector<std::string>& warnings) {
  if (migrate::isMixer(value)) {
    if (kube::text(kube::child(value, "metadata"), "namespace").empty()) value["metadata"]["namespace"] = defaultNs;
    request.mixer.push_back(std::move(value));
    return;
  }
  if (auto pod = podOf(value)) value = std::move(*pod);
  const auto* info = api::findKind(kube::text(value, "apiVersion"), kube::text(value, "kind"));
  if (info == nullptr || !matters(info->kind)) return;
  if (info->namespaced && value.contains("metadata") && value["metadata"].is_object() &&
      kube::text(value["metadata"], "namespace").empty()) {
    value["metadata"]["namespace"] = defaultNs;
  }
  auto decoded = api::decode(value);
  for (const auto& problem : decoded.problems) {
    if (problem.severity != api::Problem::Severity::error) continue;
    warnings.push_back(where + ": " + std::string(info->name) + " " +
                       kube::text(kube::child(value, "metadata"), "name") + ": " + problem.field + ": " +
                       problem.message);
  }
  if (decoded.object) request.objects.push_back(std::move(decoded.object));
}

}  // namespace

Result<void> readManifests(const std::string& path, const std::string& defaultNs, migrate::Request& request,
                           std::vector<std::string>& warnings) {
  const auto files = manifestFiles(path, true);
  if (!files) return tl::unexpected(files.error());
  for (const auto& file : *files) {
    const auto text = manifestText(file);
    if (!text) return tl::unexpected(text.error());
    auto documents = manifestDocuments(*text);
    if (!documents) return tl::unexpected(documents.error().within(manifestName(file)));
    for (auto& document : *documents) add(std::move(document.value), manifestName(file), defaultNs, request, warnings);
  }
  return {};
}

Result<void> readCluster(diagnose::Cluster& cluster, migrate::Request& request, std::vector<std::string>& warnings) {
  const auto take = [&](json object) { add(std::move(object), "cluster", "default", request, warnings); };
  for (const auto& info : api::allKinds()) {
    if (!matters(info.kind) || info.kind == api::Kind::config_map) continue;
    if (const auto read = eachObject(cluster, info, take); !read) return read;
  }
  return eachMixerObject(cluster, take);
}

}  // namespace fairway::cli
