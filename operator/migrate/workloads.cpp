#include "migrate/workloads.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "api/core.h"

namespace fairway::migrate {

namespace {

// What controllers write on the pods of one version: no policy can mean to tell those apart.
bool generated(const std::string& label) { return label == "pod-template-hash" || label == "controller-revision-hash"; }

}  // namespace

const normalize::InboundPortsOf::Port* WorkloadClass::port(std::uint32_t number) const {
  const auto found = std::find_if(ports.begin(), ports.end(), [&](const auto& port) { return port.port == number; });
  return found == ports.end() ? nullptr : &*found;
}

std::vector<WorkloadClass> workloadClasses(store::View& view) {
  std::map<std::tuple<std::string, model::Labels, std::string>, WorkloadClass> classes;
  for (const auto* pod : view.listAll<api::Pod>()) {
    const auto account = pod->spec.serviceAccountName.empty() ? "default" : pod->spec.serviceAccountName;
    // Pods of one set differ in labels that were generated, and named ports are looked up by all labels: one of the
    // pods stands for all whose other labels are the same.
    auto meant = pod->meta.labels;
    std::erase_if(meant, [](const auto& label) { return generated(label.first); });
    classes.try_emplace({pod->meta.ns, meant, account},
                        WorkloadClass{pod->meta.ns, pod->meta.labels, account, pod->meta.name, false, {}});
  }
  for (const auto* service : view.listAll<api::Service>()) {
    const auto& selector = service->spec.selector;
    if (selector.empty() || service->spec.type == "ExternalName") continue;
    const bool selects = std::any_of(classes.begin(), classes.end(), [&](const auto& entry) {
      return entry.second.ns == service->meta.ns && api::selects(selector, entry.second.labels);
    });
    if (selects) continue;
    classes.try_emplace({service->meta.ns, selector, "default"},
                        WorkloadClass{service->meta.ns, selector, "default", service->meta.name, true, {}});
  }
  std::vector<WorkloadClass> result;
  for (auto& [key, entry] : classes) {
    entry.ports = view.ask(normalize::InboundPortsOf{entry.ns, entry.labels});
    result.push_back(std::move(entry));
  }
  return result;
}

}  // namespace fairway::migrate
