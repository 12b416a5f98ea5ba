#include <map>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "api/sidecar.h"
#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::analyze {

namespace {

using Sidecars = std::vector<const api::Sidecar*>;

const Resource* resourceOf(const World& world, const api::Sidecar& sidecar) {
  return world.find(api::Kind::sidecar, sidecar.meta.ns, sidecar.meta.name);
}

// Of those without a selector the oldest of a namespace counts, of those with one the oldest for each workload.
void checkNamespace(const World& world, const std::string& ns, Sidecars sidecars, Reporter& report) {
  normalize::sortOldestFirst(sidecars);
  const api::Sidecar* first = nullptr;
  for (const auto* sidecar : sidecars) {
    if (!sidecar->spec.workloadSelector.empty()) continue;
    if (first == nullptr) {
      first = sidecar;
      continue;
    }
    report.add(Code::second_sidecar, *resourceOf(world, *sidecar), "spec.workloadSelector",
               "it has no selector, as Sidecar " + first->meta.key().toString() +
                   " has none, which is older and counts "
                   "for the workloads of the namespace: this one has no effect",
               "keep one of the two, or give this one a workloadSelector");
  }
  std::map<const api::Sidecar*, std::pair<const api::Sidecar*, std::string>> losers;  // -> winner, a workload
  const bool everywhere = ns == world.options().mesh.rootNamespace;
  for (const auto* workload : world.select(everywhere ? "" : ns, {})) {
    const api::Sidecar* winner = nullptr;
    for (const auto* sidecar : sidecars) {
      const auto& selector = sidecar->spec.workloadSelector;
      if (selector.empty() || !api::selects(selector, workload->labels())) continue;
      if (winner == nullptr) {
        winner = sidecar;
      } else {
        losers.try_emplace(sidecar, winner, workload->text());
      }
    }
  }
  for (const auto* sidecar : sidecars) {
    const auto found = losers.find(sidecar);
    if (found == losers.end()) continue;
    const auto& [winner, workload] = found->second;
    report.add(Code::same_sidecar_workloads, *resourceOf(world, *sidecar), "spec.workloadSelector",
               "it selects " + workload + ", as does Sidecar " + winner->meta.key().toString() +
                   ", which is older: it has no effect there",
               "give each workload one Sidecar");
  }
}

void checkEgress(const World& world, const Resource& resource, const api::Sidecar& sidecar, Reporter& report) {
  if (!world.knows(api::Kind::service) || !world.knows(api::Kind::service_entry)) return;
  for (std::size_t i = 0; i < sidecar.spec.egress.size(); ++i) {
    const auto& hosts = sidecar.spec.egress[i].hosts;
    for (std::size_t k = 0; k < hosts.size(); ++k) {
      const auto slash = hosts[k].find('/');
      if (slash == std::string::npos) continue;
      auto ns = hosts[k].substr(0, slash);
      const auto dns = toLower(hosts[k].substr(slash + 1));
      if (ns == "~" || (ns == "*" && dns == "*")) continue;
      if (ns == ".") ns = resource.ns;
      std::vector<std::string> there, anywhere;
      for (const auto& host : world.view().ask(normalize::AllHosts{})) {
        const auto service = world.view().ask(normalize::ServiceOf{host});
        if (!service) continue;
        if (host == dns || normalize::matchesHost(dns, host) || normalize::matchesHost(host, dns)) {
          anywhere.push_back(service->ns);
          if (ns == "*" || service->ns == ns) there.push_back(host);
        }
      }
      // A whole namespace may be empty for now.
      if (!there.empty() || dns == "*") continue;
      report.add(
          Code::egress_host_not_found, resource,
          "spec.egress[" + std::to_string(i) + "].hosts[" + std::to_string(k) + "]",
          "there is no host " + dns + (ns == "*" ? std::string() : " in namespace " + ns) +
              (anywhere.empty() ? didYouMean(dns, world.view().ask(normalize::AllHosts{}))
                                : "; there is one in " + listed(anywhere)) +
              ": the entry lets nothing through",
          "write namespace/name with the whole name, as in shop/web.shop.svc." + world.options().mesh.clusterDomain);
    }
  }
}

}  // namespace

void checkSidecars(const World& world, Reporter& report) {
  std::map<std::string, Sidecars> namespaces;
  world.each<api::Sidecar>([&](const Resource& resource, const api::Sidecar& sidecar) {
    if (!normalize::Errors(sidecar).at("spec.workloadSelector")) namespaces[resource.ns].push_back(&sidecar);
    checkEgress(world, resource, sidecar, report);
  });
  for (const auto& [ns, sidecars] : namespaces) checkNamespace(world, ns, sidecars, report);
}

}  // namespace fairway::analyze
