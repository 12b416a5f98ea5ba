#include "cli/migrate_input.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <optional>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/yaml.h"
#include "kube/api_server.h"
#include "kube/fields.h"
#include "kube/folder_watch.h"
#include "kube/read_file.h"
#include "migrate/mixer.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;

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

Result<void> readText(const std::string& text, const std::string& where, const std::string& defaultNs,
                      migrate::Request& request, std::vector<std::string>& warnings) {
  api::YamlLimits limits;
  limits.bytes = kMaxBytes;
  limits.nodes = 20'000'000;
  auto documents = api::parseYaml(text, limits);
  if (!documents) return tl::unexpected(documents.error().within(where));
  for (auto& document : *documents) {
    for (auto& each : api::expandList(std::move(document)))
      add(std::move(each.value), where, defaultNs, request, warnings);
  }
  return {};
}

Result<void> readOne(const std::string& file, const std::string& defaultNs, migrate::Request& request,
                     std::vector<std::string>& warnings) {
  const auto text = kube::readFile(file, kMaxBytes);
  if (!text) return failure(file + ": " + text.error().message);
  return readText(*text, file, defaultNs, request, warnings);
}

}  // namespace

Result<void> readManifests(const std::string& path, const std::string& defaultNs, migrate::Request& request,
                           std::vector<std::string>& warnings) {
  if (path == "-") {
    const std::string text(std::istreambuf_iterator<char>(std::cin), {});
    if (std::cin.bad()) return failure("standard input cannot be read");
    return readText(text, "stdin", defaultNs, request, warnings);
  }
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return readOne(path, defaultNs, request, warnings);
  std::vector<std::string> files;
  for (std::filesystem::recursive_directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->is_regular_file(error) && kube::isManifestName(entry->path().filename().string())) {
      files.push_back(entry->path().string());
    }
  }
  if (error) return failure(path + ": the folder cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    if (const auto read = readOne(file, defaultNs, request, warnings); !read) return read;
  }
  return {};
}

Result<void> readCluster(diagnose::Cluster& cluster, migrate::Request& request, std::vector<std::string>& warnings) {
  const auto addAll = [&](const kube::Resource& resource, const std::string& kind) -> Result<std::size_t> {
    auto items = cluster.list(kube::objectPath(resource, ""));
    if (!items) return tl::unexpected(items.error().within(resource.plural));
    for (auto& item : *items) {
      // Items of a list come without these.
      item["apiVersion"] = resource.group.empty() ? resource.version : resource.group + "/" + resource.version;
      item["kind"] = kind;
      add(std::move(item), "cluster", "default", request, warnings);
    }
    return items->size();
  };
  for (const auto& info : api::allKinds()) {
    if (!matters(info.kind) || info.kind == api::Kind::config_map) continue;
    for (const auto& version : info.versions) {
      const kube::Resource resource{std::string(info.group), std::string(version), std::string(info.plural), "", ""};
      const auto count = addAll(resource, std::string(info.name));
      if (!count) return tl::unexpected(count.error());
      if (*count > 0) break;  // every version has every object
    }
  }
  for (const auto& [plural, kind] :
       {std::pair{"rules", "rule"}, std::pair{"handlers", "handler"}, std::pair{"instances", "instance"},
        std::pair{"deniers", "denier"}, std::pair{"listcheckers", "listchecker"}, std::pair{"listentries", "listentry"},
        std::pair{"checknothings", "checknothing"}, std::pair{"quotas", "quota"}, std::pair{"memquotas", "memquota"},
        std::pair{"redisquotas", "redisquota"}, std::pair{"quotaspecs", "QuotaSpec"},
        std::pair{"quotaspecbindings", "QuotaSpecBinding"}}) {
    const auto count = addAll({"config.istio.io", "v1alpha2", plural, "", ""}, kind);
    if (!count) return tl::unexpected(count.error());
  }
  return {};
}

}  // namespace fairway::cli
