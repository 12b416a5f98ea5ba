#include <algorithm>
#include <functional>
#include <map>

#include "analyze/checks.h"
#include "analyze/policies.h"
#include "analyze/spelling.h"
#include "api/mesh_config.h"
#include "api/telemetry.h"
#include "base/strings.h"
#include "normalize/objects.h"
#include "normalize/telemetry_providers.h"

namespace fairway::analyze {

namespace {

using Telemetries = std::vector<const api::Telemetry*>;

const Resource& resourceOf(const World& world, const api::Telemetry& object) {
  return *world.find(api::Kind::telemetry, object.meta.ns, object.meta.name);
}

bool selective(const api::Telemetry& object) {
  return !object.spec.selector.empty() || !object.spec.targetRefs.empty();
}

// The workloads of its own namespace alone, of the root namespace as well.
std::vector<const Workload*> selected(const World& world, const api::Telemetry& object) {
  auto workloads = workloadsOf(world, object, object.spec.selector, object.spec.targetRefs);
  std::erase_if(workloads, [&](const Workload* workload) { return workload->ns != object.meta.ns; });
  return workloads;
}

// Of those without a selector the oldest of a namespace counts, of those with one the oldest for each workload.
void checkNamespace(const World& world, Telemetries objects, Reporter& report) {
  normalize::sortOldestFirst(objects);
  const api::Telemetry* first = nullptr;
  std::map<const Workload*, const api::Telemetry*> winners;
  for (const auto* object : objects) {
    if (!selective(*object)) {
      if (first == nullptr) {
        first = object;
        continue;
      }
      const bool root = object->meta.ns == world.options().mesh.rootNamespace;
      report.add(Code::second_telemetry, resourceOf(world, *object), "spec.selector",
                 "it has no selector, as Telemetry " + first->meta.key().toString() +
                     " has none, which is older and counts for " +
                     (root ? std::string("the mesh") : "the workloads of the namespace") + ": this one has no effect",
                 "put what it says into the other, or give it a selector");
      continue;
    }
    bool said = false;
    for (const auto* workload : selected(world, *object)) {
      const auto [winner, won] = winners.try_emplace(workload, object);
      if (won || said) continue;
      said = true;
      report.add(Code::same_telemetry_workloads, resourceOf(world, *object),
                 object->spec.selector.empty() ? "spec.targetRefs" : "spec.selector",
                 "it selects " + workload->text() + ", as does Telemetry " + winner->second->meta.key().toString() +
                     ", which is older: it has no effect there",
                 "give each workload one Telemetry");
    }
  }
}

void checkSelector(const World& world, const api::Telemetry& object, Reporter& report) {
  const auto& selector = object.spec.selector;
  if (selector.empty() || !world.select(object.meta.ns, selector).empty()) return;
  const bool elsewhere = object.meta.ns == world.options().mesh.rootNamespace && !world.select("", selector).empty();
  report.add(
      Code::selects_nothing, resourceOf(world, object), "spec.selector",
      "no workload in namespace " + object.meta.ns + " has the labels " + labelText(selector) +
          (elsewhere ? "; those of other namespaces are not meant, even by a Telemetry of the root namespace" : "") +
          ": it applies to nothing",
      elsewhere ? "put it into the namespace of the workloads"
                : "correct the selector; kubectl get pods -n " + object.meta.ns + " --show-labels tells the labels");
}

class Providers {
 public:
  Providers(const World& world, Reporter& report)
      : world_(world), report_(report), known_(world.view().ask(normalize::TelemetryProviders{})) {}

  void check(const api::Telemetry& object) {
    each(object, object.spec.metrics, "spec.metrics");
    each(object, object.spec.accessLogging, "spec.accessLogging");
    each(object, object.spec.tracing, "spec.tracing");
  }

 private:
  template <class Element>
  void each(const api::Telemetry& object, const std::vector<Element>& list, const std::string& field) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto& names = list[i].providers;
      for (std::size_t k = 0; k < names.size(); ++k) {
        if (names[k].empty() || known_.find(names[k]) != nullptr) continue;
        std::vector<std::string> known;
        for (const auto& [name, provider] : known_.byName) known.push_back(name);
        const auto& mesh = world_.options().mesh;
        report_.add(Code::provider_not_found, resourceOf(world_, object),
                    field + "[" + std::to_string(i) + "].providers[" + std::to_string(k) + "].name",
                    "the mesh has no extension provider " + names[k] + didYouMean(names[k], known) + ", it has " +
                        listed(known, 9) + ": nothing goes there",
                    "add it to extensionProviders in ConfigMap " + mesh.rootNamespace + "/" + mesh.configMap +
                        ", or correct the name");
      }
    }
  }

  const World& world_;
  Reporter& report_;
  const normalize::TelemetryProviders::Value known_;
};

// Whether the mesh's settings are known: manifests leave them to others.
bool knowsProviders(const World& world) {
  const auto& mesh = world.options().mesh;
  return world.knows(api::Kind::config_map) &&
         (world.options().cluster || world.find(api::Kind::config_map, mesh.rootNamespace, mesh.configMap) != nullptr);
}

}  // namespace

void checkTelemetries(const World& world, Reporter& report) {
  std::map<std::string, Telemetries> byNamespace;
  const bool workloads = world.knowsWorkloads() && world.knows(api::Kind::pod);
  const bool settings = knowsProviders(world);
  Providers providers(world, report);
  world.each<api::Telemetry>([&](const Resource& resource, const api::Telemetry& object) {
    if (settings) providers.check(object);
    const normalize::Errors errors(object);
    if (errors.inSelector(object.spec.selector) || errors.below("spec.targetRefs")) return;
    byNamespace[resource.ns].push_back(&object);
    if (workloads) checkSelector(world, object, report);
  });
  for (const auto& [ns, objects] : byNamespace) checkNamespace(world, objects, report);
}

}  // namespace fairway::analyze
