#include "cli/manifest_world.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include <google/protobuf/any.pb.h>

#include "api/codec.h"
#include "api/yaml.h"
#include "base/strings.h"
#include "cli/resource_json.h"
#include "engine/core.h"
#include "kube/read_file.h"
#include "normalize/queries.h"
#include "translate/units.h"

namespace fairway::cli {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxBytes = 16U << 20U;
// The pod that stands for the workload. An address of the range for documentation: no policy means it.
constexpr const char* kPodAddress = "192.0.2.2";

const std::map<std::string, std::string, std::less<>> kWorkloadKinds = {{"deploy", "Deployment"},
                                                                        {"deployment", "Deployment"},
                                                                        {"deployments", "Deployment"},
                                                                        {"sts", "StatefulSet"},
                                                                        {"statefulset", "StatefulSet"},
                                                                        {"statefulsets", "StatefulSet"},
                                                                        {"ds", "DaemonSet"},
                                                                        {"daemonset", "DaemonSet"},
                                                                        {"daemonsets", "DaemonSet"},
                                                                        {"rs", "ReplicaSet"},
                                                                        {"replicaset", "ReplicaSet"},
                                                                        {"replicasets", "ReplicaSet"},
                                                                        {"job", "Job"},
                                                                        {"jobs", "Job"},
                                                                        {"cj", "CronJob"},
                                                                        {"cronjob", "CronJob"},
                                                                        {"cronjobs", "CronJob"},
                                                                        {"po", "Pod"},
                                                                        {"pod", "Pod"},
                                                                        {"pods", "Pod"}};

struct Workload {
  std::string kind, ns, name;
  json meta, spec;  // of the pod
};

std::string text(const json& value, const char* pointer) {
  const json::json_pointer at(pointer);
  return value.contains(at) && value.at(at).is_string() ? value.at(at).get<std::string>() : "";
}

std::optional<Workload> workloadOf(const json& document, const std::string& ns) {
  const auto kind = text(document, "/kind");
  const bool known =
      std::any_of(kWorkloadKinds.begin(), kWorkloadKinds.end(), [&](const auto& e) { return e.second == kind; });
  if (!known) return std::nullopt;
  const json::json_pointer at(kind == "Pod"       ? ""
                              : kind == "CronJob" ? "/spec/jobTemplate/spec/template"
                                                  : "/spec/template");
  if (!document.contains(at) || !document.at(at).is_object()) return std::nullopt;
  const auto& pod = document.at(at);
  Workload result{kind, text(document, "/metadata/namespace"), text(document, "/metadata/name"),
                  pod.value("metadata", json::object()), pod.value("spec", json::object())};
  if (result.ns.empty()) result.ns = ns;
  return result;
}

bool isGateway(const Workload& workload) {
  const auto& spec = workload.spec;
  for (const auto& container : spec.value("containers", json::array())) {
    for (const auto& argument : container.value("args", json::array())) {
      if (argument == "router") return true;
    }
  }
  return text(workload.meta, "/annotations/inject.istio.io~1templates") == "gateway";
}

class World {
 public:
  explicit World(const ManifestQuestion& question) : question_(question) {}

  Result<void> read(const std::string& path) {
    std::error_code error;
    if (!std::filesystem::is_directory(path, error)) return readFile(path);
    std::vector<std::string> files;
    for (auto entry = std::filesystem::recursive_directory_iterator(path, error);
         !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
      const auto name = entry->path().string();
      if (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json")) files.push_back(name);
    }
    if (error) return failure(path + ": " + error.message());
    std::sort(files.begin(), files.end());
    for (const auto& file : files) {
      if (const auto done = readFile(file); !done) return done;
    }
    return {};
  }

  Result<ProxyWorld> build() {
    const auto workload = find();
    if (!workload) return tl::unexpected(workload.error());
    const auto pod = podOf(**workload);
    const auto decoded = api::decode(pod);
    if (!decoded.object) return failure((*workload)->name + ": its pod cannot be read");
    changes_.push_back({decoded.object->kind, decoded.object->meta.key(), decoded.object});

    store::Catalogue catalogue;
    normalize::registerQueries(catalogue);
    translate::registerUnits(catalogue);
    engine::Core core(question_.mesh, catalogue);
    translate::Proxy proxy;
    proxy.type = isGateway(**workload) ? translate::ProxyType::gateway : translate::ProxyType::sidecar;
    proxy.ns = (*workload)->ns;
    proxy.pod = text(pod, "/metadata/name");
    proxy.wholeRoutes = true;
    core.connect(1, proxy);
    core.update(std::move(changes_));
    const auto snapshot = core.snapshot(1);
    if (!snapshot) return failure("the control plane makes nothing of " + (*workload)->name);
    for (const auto& scope : snapshot->scopes) {
      take(*scope->sets[static_cast<std::size_t>(translate::Type::listener)], world_.listeners);
      take(*scope->sets[static_cast<std::size_t>(translate::Type::route)], world_.routes);
    }
    return std::move(world_);
  }

 private:
  Result<void> readFile(const std::string& file) {
    const auto content = kube::readFile(file, kMaxBytes);
    if (!content) return failure(file + ": " + content.error().message);
    auto documents = api::parseYaml(*content);
    if (!documents) return tl::unexpected(documents.error().within(file));
    for (auto& whole : *documents) {
      for (auto& document : api::expandList(std::move(whole))) add(file, std::move(document.value));
    }
    return {};
  }

  void add(const std::string& file, json document) {
    if (!document.is_object() || !document.contains("metadata") || !document["metadata"].is_object()) return;
    if (auto workload = workloadOf(document, question_.ns)) workloads_.push_back(std::move(*workload));
    if (text(document, "/kind") == "Pod") return;
    const auto* kind = api::findKind(text(document, "/apiVersion"), text(document, "/kind"));
    if (!kind) return;
    if (kind->namespaced && text(document, "/metadata/namespace").empty())
      document["metadata"]["namespace"] = question_.ns;
    const auto decoded = api::decode(document);
    for (const auto& problem : decoded.problems) {
      world_.notes.push_back(file + ": " + text(document, "/kind") + " " + text(document, "/metadata/name") + ": " +
                             problem.field + ": " + problem.message);
    }
    if (decoded.object) changes_.push_back({decoded.object->kind, decoded.object->meta.key(), decoded.object});
  }

  Result<const Workload*> find() const {
    const auto wanted = parseWorkload(question_.workload);
    if (!wanted) return tl::unexpected(wanted.error());
    std::vector<std::string> others;
    const Workload* found = nullptr;
    for (const auto& each : workloads_) {
      const bool fits =
          each.name == wanted->name && each.ns == question_.ns && (wanted->kind.empty() || wanted->kind == each.kind);
      if (fits && found)
        return failure(question_.workload + " is more than one workload: name its kind, as in deploy/" + each.name);
      if (fits) found = &each;
      others.push_back(toLower(each.kind) + "/" + each.name + " in " + each.ns);
    }
    if (found) return found;
    return failure("there is no workload " + question_.workload + " in namespace " + question_.ns +
                   " in these manifests" +
                   (others.empty() ? "; a Deployment, StatefulSet, DaemonSet, Job or Pod is expected"
                                   : "; there are: " + join(others, ", ")));
  }

  static json podOf(const Workload& workload) {
    json pod{{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", workload.meta}, {"spec", workload.spec}};
    pod["metadata"]["name"] = workload.name;
    pod["metadata"]["namespace"] = workload.ns;
    pod["status"] = {{"phase", "Running"}, {"podIP", kPodAddress}, {"podIPs", {{{"ip", kPodAddress}}}}};
    return pod;
  }

  static void take(const engine::ResourceSet& set, std::vector<json>& out) {
    for (const auto& resource : set) {
      auto value = resourceToJson(*resource)["resource"];
      if (!value.is_object()) continue;
      value.erase("@type");
      out.push_back(std::move(value));
    }
  }

  const ManifestQuestion& question_;
  std::vector<Workload> workloads_;
  std::vector<store::Change> changes_;
  ProxyWorld world_;
};

}  // namespace

Result<WorkloadName> parseWorkload(const std::string& text) {
  const auto slash = text.find('/');
  if (slash == std::string::npos) return WorkloadName{"", text};
  const auto kind = kWorkloadKinds.find(toLower(text.substr(0, slash)));
  if (kind == kWorkloadKinds.end()) {
    return failure("\"" + text.substr(0, slash) +
                   "\" is no kind of workload; expected deploy, sts, ds, job, cronjob or pod");
  }
  return WorkloadName{kind->second, text.substr(slash + 1)};
}

Result<ProxyWorld> worldOfManifests(const ManifestQuestion& question) {
  World world(question);
  for (const auto& path : question.paths) {
    if (const auto read = world.read(path); !read) return tl::unexpected(read.error());
  }
  return world.build();
}

}  // namespace fairway::cli
