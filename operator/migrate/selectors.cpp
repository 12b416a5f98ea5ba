#include "migrate/selectors.h"

#include <algorithm>

#include "base/strings.h"

namespace fairway::migrate {

namespace {

struct Candidate {
  model::Labels selector;
  std::string name;
};

std::vector<Candidate> candidatesFor(const Context& context, const WorkloadClass& workload) {
  std::vector<Candidate> services;
  for (const auto& host : context.before.ask(normalize::WorkloadServices{workload.ns, workload.labels})) {
    const auto& service = context.before.ask(normalize::ServiceOf{host});
    if (service && !service->selector.empty()) services.push_back({service->selector, service->name});
  }
  auto result = services;
  for (std::size_t i = 0; i < services.size(); ++i) {
    for (std::size_t j = i + 1; j < services.size(); ++j) {
      auto both = services[i].selector;
      both.insert(services[j].selector.begin(), services[j].selector.end());
      result.push_back({std::move(both), services[i].name + "-" + services[j].name});
    }
  }
  result.push_back({ownLabels(workload), workload.example});
  return result;
}

}  // namespace

model::Labels ownLabels(const WorkloadClass& workload) {
  auto labels = workload.labels;
  labels.erase("pod-template-hash");
  labels.erase("controller-revision-hash");
  return labels;
}

std::vector<Group> groupsOf(const Context& context, const std::string& ns, bool whole, bool local,
                            const std::function<std::string(const WorkloadClass&)>& wants,
                            const std::function<bool(const WorkloadClass&)>& cares) {
  const bool everywhere = !local && ns == context.before.mesh().rootNamespace;
  std::vector<std::pair<const WorkloadClass*, std::string>> all;
  for (const auto& workload : context.workloads) {
    if (everywhere || workload.ns == ns) all.emplace_back(&workload, workload.ns == ns ? wants(workload) : "");
  }
  const auto fits = [&](const model::Labels& selector, const std::string& wanted) {
    return std::all_of(all.begin(), all.end(), [&](const auto& entry) {
      return !api::selects(selector, entry.first->labels) || entry.second == wanted || !cares(*entry.first);
    });
  };
  std::vector<Group> groups;
  for (const auto& [workload, wanted] : all) {
    if (wanted.empty()) continue;
    const bool covered = std::any_of(groups.begin(), groups.end(), [&, w = workload](const Group& group) {
      return std::find(group.workloads.begin(), group.workloads.end(), w) != group.workloads.end();
    });
    if (covered) continue;
    Group group;
    if (!whole || !fits({}, wanted)) {
      const auto candidates = candidatesFor(context, *workload);
      const auto chosen =
          std::find_if(candidates.begin(), candidates.end(), [&, &text = wanted](const auto& candidate) {
            return !candidate.selector.empty() && fits(candidate.selector, text);
          });
      group.exact = chosen != candidates.end();
      group.selector = group.exact ? chosen->selector : candidates.back().selector;
      group.name = group.exact ? chosen->name : candidates.back().name;
    }
    for (const auto& [other, text] : all) {
      if (text == wanted && api::selects(group.selector, other->labels)) group.workloads.push_back(other);
    }
    groups.push_back(std::move(group));
  }
  return groups;
}

}  // namespace fairway::migrate
