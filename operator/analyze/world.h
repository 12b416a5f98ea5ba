#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "analyze/resource.h"
#include "inject/settings.h"
#include "normalize/world.h"
#include "store/view.h"

namespace fairway::analyze {

struct Options {
  store::MeshConfig mesh{};
  inject::Settings injection{};
  // Everything there is was read from a cluster. Without it the manifests are all there is, and what they may well leave to
  // others (the mesh's gateways and settings, secrets) is not missed.
  bool cluster = false;
  std::set<api::Kind> unread{};  // kinds that could not be read: nothing is said about what refers to them
  std::string ns{};              // of the cluster's objects tell of those in this namespace only; empty: of all
  std::vector<std::string> suppressed{};  // "IST0103=Pod *.testing"
};

// A workload: a pod, or what makes pods.
struct Workload {
  const Resource* resource = nullptr;  // null: a gateway that is assumed to be there
  std::string kind, ns, name;
  const PodTemplate* pod = nullptr;
  bool isPod = false;
  bool isOwned = false;  // a pod whose Deployment or the like is among the workloads

  [[nodiscard]] const api::Labels& labels() const { return pod->labels; }
  [[nodiscard]] std::string serviceAccount() const;
  [[nodiscard]] std::string text() const;  // "Deployment shop/cart"
};

// All objects together: those that were written, and what normalisation makes of them. Where an object is given several
// times the last one counts, as if they were applied in this order.
class World {
 public:
  World(Resources resources, Options options);
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] const Options& options() const { return options_; }
  // By group, kind, namespace and name.
  [[nodiscard]] const std::vector<const Resource*>& resources() const { return current_; }
  // Earlier ones of a name that is given again, each with the one that replaces it; both from manifests.
  [[nodiscard]] const std::vector<std::pair<const Resource*, const Resource*>>& repeated() const { return repeated_; }
  [[nodiscard]] std::vector<const Resource*> of(api::Kind kind) const;
  [[nodiscard]] const Resource* find(api::Kind kind, std::string_view ns, std::string_view name) const;
  // Of a kind by its name, as notes give it.
  [[nodiscard]] const Resource* find(std::string_view kind, std::string_view ns, std::string_view name) const;

  // Each with its typed object, errors in it or not.
  template <class T>
  void each(const std::function<void(const Resource&, const T&)>& visit) const {
    for (const auto* resource : of(T::kKind)) {
      if (resource->object) visit(*resource, static_cast<const T&>(*resource->object));
    }
  }

  // Pods and what makes pods, but no pod of something that is here itself.
  [[nodiscard]] const std::vector<Workload>& workloads() const { return workloads_; }
  // Those of a namespace (empty: all) whose labels match; an empty selector matches all.
  [[nodiscard]] std::vector<const Workload*> select(std::string_view ns, const api::Labels& selector) const;
  // Labels of what an endpoint may be: of the workloads above, and of WorkloadEntries.
  [[nodiscard]] std::vector<api::Labels> endpointLabels(std::string_view ns, const api::Labels& selector) const;
  // False where nothing is known of workloads: then one that is missing is no finding.
  [[nodiscard]] bool knowsWorkloads() const { return options_.cluster || hasOwnWorkloads_; }
  // Real pods, for what is said of them alone.
  [[nodiscard]] std::vector<const Workload*> pods() const;
  // Whether the workload has a proxy, or would get one.
  [[nodiscard]] bool inMesh(const Workload& workload) const;
  // Labels of a namespace; nothing if it is not among the objects.
  [[nodiscard]] const api::Labels* namespaceLabels(const std::string& ns) const;
  [[nodiscard]] bool knows(api::Kind kind) const { return !options_.unread.contains(kind); }

  // What the control plane makes of it. Values are kept, so asking changes only what is kept.
  [[nodiscard]] normalize::World& view() const { return *view_; }

 private:
  using Key = std::tuple<std::string, std::string, std::string, std::string>;  // group, kind, namespace, name

  void addWorkloads();
  void assumeGateways();

  Options options_;
  Resources resources_;
  std::vector<Resource> assumed_;
  std::vector<const Resource*> current_;
  std::map<Key, const Resource*> byName_;
  std::vector<std::pair<const Resource*, const Resource*>> repeated_;
  std::vector<Workload> workloads_, pods_;
  bool hasOwnWorkloads_ = false;
  std::unique_ptr<normalize::World> view_;
};

}  // namespace fairway::analyze
