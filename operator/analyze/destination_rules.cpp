#include <map>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "api/core.h"
#include "api/service_entry.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

// The registry's hosts that a rule is for.
std::vector<std::string> hostsOf(const World& world, const std::string& pattern) {
  std::vector<std::string> result;
  for (const auto& host : world.view().ask(normalize::AllHosts{})) {
    if (host == pattern || normalize::matchesHost(pattern, host)) result.push_back(host);
  }
  return result;
}

// Labels of what is behind a service; nothing if that is not known.
std::optional<std::vector<api::Labels>> labelsBehind(const World& world, const model::Service& service) {
  std::vector<api::Labels> result;
  if (service.kind == "ServiceEntry") {
    const auto* entry = world.view().get<api::ServiceEntry>(service.ns, service.name);
    if (entry == nullptr) return std::nullopt;
    for (const auto& endpoint : entry->spec.endpoints) result.push_back(endpoint.labels);
    if (!entry->spec.workloadSelector.empty()) {
      for (auto& labels : world.endpointLabels(service.ns, entry->spec.workloadSelector)) {
        result.push_back(std::move(labels));
      }
    }
    return result;
  }
  if (service.selector.empty() || !world.knowsWorkloads() || !world.knows(api::Kind::pod)) return std::nullopt;
  for (const auto* workload : world.select(service.ns, service.selector)) result.push_back(workload->labels());
  if (result.empty()) return std::nullopt;  // the Service's own matter
  return result;
}

void checkSubsets(const World& world, const Resource& resource, const api::DestinationRule& rule,
                  const std::vector<std::string>& hosts, Reporter& report) {
  for (std::size_t i = 0; i < rule.spec.subsets.size(); ++i) {
    const auto& subset = rule.spec.subsets[i];
    bool selects = hosts.empty();
    bool known = true;
    std::vector<std::string> there;
    for (const auto& host : hosts) {
      const auto* service = serviceOf(world, host);
      const auto behind = service == nullptr ? std::nullopt : labelsBehind(world, *service);
      known = known && behind.has_value();
      if (!behind) continue;
      for (const auto& labels : *behind) {
        selects = selects || api::selects(subset.labels, labels);
        for (const auto& [key, value] : subset.labels) {
          const auto found = labels.find(key);
          const auto text = found == labels.end() ? std::string() : key + "=" + found->second;
          if (!text.empty() && std::find(there.begin(), there.end(), text) == there.end()) there.push_back(text);
        }
      }
    }
    if (selects || !known) continue;
    report.add(Code::subset_selects_nothing, resource, "spec.subsets[" + std::to_string(i) + "].labels",
               "no workload of " + listed(hosts) + " has the labels " + labelText(subset.labels) + " of subset " +
                   subset.name + (there.empty() ? "" : " (there is " + listed(there, 9) + ")") +
                   ": requests that are sent to it are answered with 503",
               "correct the labels, or deploy workloads that have them");
  }
}

void checkSecond(const World& world, Reporter& report) {
  std::map<std::pair<std::string, std::string>, std::vector<const api::DestinationRule*>> rules;  // namespace, host
  world.each<api::DestinationRule>([&](const Resource&, const api::DestinationRule& rule) {
    if (rule.spec.trafficPolicy == api::DestinationRuleSpec::Policy{} || !rule.valid()) return;
    rules[{rule.meta.ns, store::resolveHost(rule.spec.host, rule.meta.ns, world.options().mesh)}].push_back(&rule);
  });
  for (auto& [key, same] : rules) {
    normalize::sortOldestFirst(same);
    for (std::size_t i = 1; i < same.size(); ++i) {
      const auto* resource = world.find(api::Kind::destination_rule, same[i]->meta.ns, same[i]->meta.name);
      if (resource == nullptr) continue;
      report.add(Code::second_policy, *resource, "spec.trafficPolicy",
                 "it has no effect: DestinationRule " + same.front()->meta.ns + "/" + same.front()->meta.name +
                     ", which is older, sets the policy of host " + key.second,
                 "put both into one DestinationRule; subsets add up, policies do not");
    }
  }
}

}  // namespace

void checkDestinationRules(const World& world, Reporter& report) {
  if (!world.knows(api::Kind::service) || !world.knows(api::Kind::service_entry)) return;
  world.each<api::DestinationRule>([&](const Resource& resource, const api::DestinationRule& rule) {
    const auto host = store::resolveHost(rule.spec.host, rule.meta.ns, world.options().mesh);
    if (host.empty()) return;
    const auto hosts = hostsOf(world, host);
    if (hosts.empty() && host != "*" && !host.starts_with("*.")) {
      report.add(Code::rule_host_not_found, resource, "spec.host",
                 "found host " + rule.spec.host + ", but there is no Service or ServiceEntry with host " + host +
                     didYouMean(host, world.view().ask(normalize::AllHosts{})) + ": the rule has no effect",
                 "correct the host; a short name is looked up in the rule's namespace " + rule.meta.ns);
      return;
    }
    if (hosts.empty()) {
      report.add(Code::rule_host_not_found, resource, "spec.host",
                 "no Service or ServiceEntry has a host that " + host + " covers: the rule has no effect",
                 "correct the host, or remove the rule", Severity::info);
      return;
    }
    checkSubsets(world, resource, rule, hosts, report);
  });
  checkSecond(world, report);
}

}  // namespace fairway::analyze
