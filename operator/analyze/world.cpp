#include "analyze/world.h"

#include <algorithm>

#include "api/codec.h"
#include "api/core.h"
#include "api/workload_entry.h"
#include "base/finding.h"
#include "inject/names.h"
#include "inject/pod.h"
#include "inject/selection.h"

namespace fairway::analyze {

using nlohmann::json;

namespace {

bool hasProxy(const json& pod) {
  for (const char* list : {"containers", "initContainers"}) {
    if (inject::named(inject::member(pod["spec"], list), inject::kProxyContainer) != nullptr) return true;
  }
  return false;
}

}  // namespace

std::string Workload::serviceAccount() const {
  const auto account = inject::textAt(pod->pod["spec"], "serviceAccountName");
  return account.empty() ? "default" : account;
}

std::string Workload::text() const { return objectName(kind, ns, name); }

World::World(Resources resources, Options options) : options_(std::move(options)), resources_(std::move(resources)) {
  for (const auto& resource : resources_) {
    const Key key{resource.group, resource.kind, resource.ns, resource.name};
    const auto [entry, isNew] = byName_.emplace(key, &resource);
    if (isNew) continue;
    if (!entry->second->origin.inCluster() && !resource.origin.inCluster()) {
      repeated_.emplace_back(entry->second, &resource);
    }
    entry->second = &resource;
  }
  for (const auto& [key, resource] : byName_) current_.push_back(resource);
  addWorkloads();
  if (!options_.cluster) assumeGateways();
  std::vector<api::ObjectPtr> objects;
  for (const auto* resource : current_) {
    if (resource->object && resource->object->kind != api::Kind::pod) objects.push_back(resource->object);
  }
  for (const auto* list : {&workloads_, &pods_}) {
    for (const auto& workload : *list) {
      if (workload.pod->stand_in) objects.push_back(workload.pod->stand_in);
    }
  }
  view_ = std::make_unique<normalize::World>(objects, options_.mesh);
}

void World::addWorkloads() {
  std::set<std::pair<std::string, std::string>> owners;  // namespace, kind of what makes pods
  for (const auto* resource : current_) {
    if (resource->pod && !resource->pod->at.empty()) owners.emplace(resource->ns, resource->kind);
  }
  for (const auto* resource : current_) {
    if (!resource->pod || resource->pod->finished) continue;
    Workload workload{resource, resource->kind, resource->ns, resource->name, &*resource->pod, false, false};
    workload.isPod = resource->pod->at.empty();
    const auto& owner = resource->pod->ownerKind;
    workload.isOwned = workload.isPod && !owner.empty() &&
                       owners.contains({resource->ns, owner == "ReplicaSet" ? std::string("Deployment") : owner});
    hasOwnWorkloads_ = true;
    (workload.isOwned ? pods_ : workloads_).push_back(workload);
  }
}

// Manifests of applications do not bring the mesh's own gateways.
void World::assumeGateways() {
  for (const std::string name : {"ingressgateway", "egressgateway"}) {
    const bool known = std::any_of(workloads_.begin(), workloads_.end(), [&](const Workload& workload) {
      const auto label = workload.labels().find("istio");
      return label != workload.labels().end() && label->second == name;
    });
    if (known) continue;
    json pod{{"apiVersion", "v1"},
             {"kind", "Pod"},
             {"metadata",
              {{"name", "istio-" + name},
               {"namespace", options_.mesh.rootNamespace},
               {"labels", {{"istio", name}, {"app", "istio-" + name}}}}},
             {"spec", {{"containers", {{{"name", "istio-proxy"}, {"image", "auto"}}}}}}};
    if (auto resource = readResource(std::move(pod), {}, options_.mesh.rootNamespace)) {
      assumed_.push_back(std::move(*resource));
    }
  }
  for (const auto& resource : assumed_) {
    workloads_.push_back({nullptr, resource.kind, resource.ns, resource.name, &*resource.pod, false, false});
  }
}

std::vector<const Resource*> World::of(api::Kind kind) const {
  const auto& info = api::kindInfo(kind);
  std::vector<const Resource*> result;
  const auto begin = byName_.lower_bound({std::string(info.group), std::string(info.name), "", ""});
  for (auto it = begin; it != byName_.end(); ++it) {
    if (std::get<0>(it->first) != info.group || std::get<1>(it->first) != info.name) break;
    result.push_back(it->second);
  }
  return result;
}

const Resource* World::find(api::Kind kind, std::string_view ns, std::string_view name) const {
  const auto& info = api::kindInfo(kind);
  const auto found =
      byName_.find({std::string(info.group), std::string(info.name), std::string(ns), std::string(name)});
  return found == byName_.end() ? nullptr : found->second;
}

const Resource* World::find(std::string_view kind, std::string_view ns, std::string_view name) const {
  for (const auto& info : api::allKinds()) {
    if (info.name != kind) continue;
    if (const auto* found = find(info.kind, ns, name)) return found;
  }
  return nullptr;
}

std::vector<const Workload*> World::select(std::string_view ns, const api::Labels& selector) const {
  std::vector<const Workload*> result;
  for (const auto* list : {&workloads_, &pods_}) {
    for (const auto& workload : *list) {
      if ((ns.empty() || workload.ns == ns) && api::selects(selector, workload.labels())) result.push_back(&workload);
    }
  }
  return result;
}

std::vector<api::Labels> World::endpointLabels(std::string_view ns, const api::Labels& selector) const {
  std::vector<api::Labels> result;
  for (const auto* workload : select(ns, selector)) result.push_back(workload->labels());
  each<api::WorkloadEntry>([&](const Resource& resource, const api::WorkloadEntry& entry) {
    if (resource.ns == ns && api::selects(selector, entry.spec.labels)) result.push_back(entry.spec.labels);
  });
  return result;
}

std::vector<const Workload*> World::pods() const {
  std::vector<const Workload*> result;
  for (const auto* list : {&workloads_, &pods_}) {
    for (const auto& workload : *list) {
      if (workload.isPod) result.push_back(&workload);
    }
  }
  return result;
}

const api::Labels* World::namespaceLabels(const std::string& ns) const {
  const auto* resource = find(api::Kind::namespace_, "", ns);
  return resource == nullptr || !resource->object ? nullptr : &resource->object->meta.labels;
}

bool World::inMesh(const Workload& workload) const {
  if (workload.resource == nullptr || hasProxy(workload.pod->pod)) return true;
  if (workload.isPod && workload.resource->origin.inCluster()) return false;
  if (!inject::checkPod(workload.pod->pod)) return false;
  const auto* labels = namespaceLabels(workload.ns);
  // Manifests without their namespace: whoever applies them may have labelled it.
  if (labels == nullptr) return !options_.cluster;
  return inject::decide(workload.pod->pod, options_.injection, {workload.ns, *labels, false}).inject;
}

}  // namespace fairway::analyze
