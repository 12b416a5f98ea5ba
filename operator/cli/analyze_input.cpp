#include "cli/analyze_input.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/networking.h"
#include "cli/cluster_objects.h"
#include "cli/manifest_files.h"
#include "inject/settings.h"
#include "kube/fields.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

// Later than any object of the cluster: what is applied now is the youngest.
constexpr const char* kNow = "9999-12-31T23:59:59Z";

// Secrets and ConfigMaps are read one by one; the others are nobody's reference.
bool isListed(api::Kind kind) {
  switch (kind) {
    case api::Kind::secret:
    case api::Kind::config_map:
    case api::Kind::endpoint_slice:
    case api::Kind::node: return false;
    default: return true;
  }
}

std::string withRevision(const std::string& name, const analyze::Options& options) {
  return options.injection.revision == "default" ? name : name + "-" + options.injection.revision;
}

void take(json document, analyze::Origin origin, const std::string& defaultNs, AnalyzeInput& input) {
  if (auto resource = analyze::readResource(std::move(document), std::move(origin), defaultNs)) {
    input.resources.push_back(std::move(*resource));
  }
}

std::optional<json> configMap(diagnose::Cluster& cluster, const std::string& name, AnalyzeInput& input) {
  const kube::Resource resource{"", "v1", "configmaps", "", ""};
  auto found = cluster.get(kube::objectPath(resource, input.options.mesh.rootNamespace, name));
  if (!found) {
    input.warnings.push_back("ConfigMap " + name + " cannot be read: " + found.error().message);
    input.options.unread.insert(api::Kind::config_map);
    return std::nullopt;
  }
  if (*found) {
    (**found)["apiVersion"] = "v1";
    (**found)["kind"] = "ConfigMap";
  }
  return std::move(*found);
}

void readSettings(diagnose::Cluster& cluster, AnalyzeInput& input) {
  input.options.mesh.configMap = withRevision("istio", input.options);
  if (auto mesh = configMap(cluster, input.options.mesh.configMap, input)) take(std::move(*mesh), {}, "default", input);
  const auto injector = configMap(cluster, withRevision("istio-sidecar-injector", input.options), input);
  if (!injector) return;
  const auto text = kube::text(kube::child(*injector, "data"), "config.yaml");
  auto loaded = inject::loadSettings(text);
  if (!loaded) {
    input.warnings.push_back("the settings of injection cannot be read, the defaults are used: " +
                             loaded.error().message);
    return;
  }
  loaded->settings.revision = input.options.injection.revision;
  loaded->settings.rootNamespace = input.options.mesh.rootNamespace;
  input.options.injection = std::move(loaded->settings);
}

// "line 3, column 1: reason" -> 3; 0 if it says no line.
std::size_t lineIn(const std::string& message) {
  if (!message.starts_with("line ")) return 0;
  return static_cast<std::size_t>(std::strtoul(message.c_str() + 5, nullptr, 10));
}

using Ages = std::map<std::string, std::string>;  // text of an object -> when it was made

Ages agesOf(const AnalyzeInput& input) {
  Ages ages;
  for (const auto& resource : input.resources) {
    if (resource.origin.inCluster() && resource.object) {
      ages[resource.group + "/" + resource.text()] = resource.object->meta.creationTimestamp;
    }
  }
  return ages;
}

// An object that replaces one keeps its age; a new one is younger than all.
void giveAge(json& document, const Ages& ages, const std::string& defaultNs) {
  if (!document.is_object() || !document.contains("metadata") || !document["metadata"].is_object()) return;
  auto& meta = document["metadata"];
  if (!kube::text(meta, "creationTimestamp").empty()) return;
  auto bare = analyze::readResource(
      {{"apiVersion", kube::text(document, "apiVersion")},
       {"kind", kube::text(document, "kind")},
       {"metadata", {{"name", kube::text(meta, "name")}, {"namespace", kube::text(meta, "namespace")}}}},
      {}, defaultNs);
  if (!bare) return;
  const auto known = ages.find(bare->group + "/" + bare->text());
  meta["creationTimestamp"] = known == ages.end() ? kNow : known->second;
}

}  // namespace

Result<void> readCluster(diagnose::Cluster& cluster, AnalyzeInput& input) {
  if (const auto version = cluster.get("/version"); !version) return tl::unexpected(version.error());
  input.options.cluster = true;
  const auto add = [&](json object) { take(std::move(object), {}, "default", input); };
  for (const auto& info : api::allKinds()) {
    if (!isListed(info.kind)) continue;
    if (const auto read = eachObject(cluster, info, add); !read) {
      input.warnings.push_back(read.error().message + ": nothing is said about references to them");
      input.options.unread.insert(info.kind);
    }
  }
  for (const auto& [plural, kind] : {std::pair{"deployments", "Deployment"}, std::pair{"statefulsets", "StatefulSet"},
                                     std::pair{"daemonsets", "DaemonSet"}}) {
    const auto count = eachObject(cluster, {"apps", "v1", plural, "", ""}, kind, add);
    if (!count) input.warnings.push_back(count.error().message + ": only pods that run are looked at");
  }
  if (const auto read = eachMixerObject(cluster, add); !read) input.warnings.push_back(read.error().message);
  readSettings(cluster, input);
  return {};
}

Result<void> readManifests(const std::string& path, bool recursive, const std::string& defaultNs, AnalyzeInput& input) {
  const auto files = manifestFiles(path, recursive);
  if (!files) return tl::unexpected(files.error());
  const auto ages = input.options.cluster ? agesOf(input) : Ages{};
  for (const auto& file : *files) {
    const auto text = manifestText(file);
    if (!text) return tl::unexpected(text.error());
    const auto name = manifestName(file);
    auto documents = manifestDocuments(*text);
    if (!documents) {
      const auto line = lineIn(documents.error().message);
      input.findings.push_back(
          analyze::unreadable(name + (line == 0 ? "" : ":" + std::to_string(line)), documents.error().message));
      continue;
    }
    for (auto& document : *documents) {
      if (const auto why = analyze::whyNoObject(document.value); !why.empty()) {
        input.findings.push_back(analyze::unreadable(name + ":" + std::to_string(document.line), why));
        continue;
      }
      if (input.options.cluster) giveAge(document.value, ages, defaultNs);
      take(std::move(document.value), {name, document.line, document.lines}, defaultNs, input);
    }
  }
  return {};
}

Result<void> readMeshConfig(const std::string& file, AnalyzeInput& input) {
  const auto text = manifestText(file);
  if (!text) return tl::unexpected(text.error());
  const auto& mesh = input.options.mesh;
  json object{{"apiVersion", "v1"},
              {"kind", "ConfigMap"},
              {"metadata", {{"name", mesh.configMap}, {"namespace", mesh.rootNamespace}}},
              {"data", {{"mesh", *text}}}};
  take(std::move(object), {manifestName(file), 1, {}}, mesh.rootNamespace, input);
  input.options.unread.erase(api::Kind::config_map);
  return {};
}

void readSecrets(diagnose::Cluster& cluster, AnalyzeInput& input) {
  std::set<std::pair<std::string, std::string>> wanted;
  for (const auto& resource : input.resources) {
    if (!resource.object || resource.object->kind != api::Kind::gateway) continue;
    const auto& gateway = static_cast<const api::Gateway&>(*resource.object).spec;
    for (const auto& server : gateway.servers) {
      if (!server.tls || server.tls->credentialName.empty()) continue;
      for (const auto& other : input.resources) {
        if (!other.pod || !api::selects(gateway.selector, other.pod->labels)) continue;
        wanted.emplace(other.ns, server.tls->credentialName);
        wanted.emplace(other.ns, server.tls->credentialName + "-cacert");
      }
    }
  }
  for (const auto& [ns, name] : wanted) {
    auto found = cluster.get(kube::objectPath({"", "v1", "secrets", "", ""}, ns, name));
    if (!found) {
      input.warnings.push_back("secrets cannot be read, those of Gateways are not looked at: " + found.error().message);
      input.options.unread.insert(api::Kind::secret);
      return;
    }
    if (!*found) continue;
    (**found)["apiVersion"] = "v1";
    (**found)["kind"] = "Secret";
    // Manifests that bring the secret as well replace it: those come later.
    if (auto resource = analyze::readResource(std::move(**found), {}, ns)) {
      input.resources.insert(input.resources.begin(), std::move(*resource));
    }
  }
}

}  // namespace fairway::cli
