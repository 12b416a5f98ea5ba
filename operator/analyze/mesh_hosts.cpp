#include <map>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

struct Bound {
  const Resource* resource;
  const api::VirtualService* object;
  std::size_t index;  // of the host
};

// Whether some namespace sees both.
bool meet(const api::VirtualService& a, const api::VirtualService& b) {
  const auto visibleTo = [](const api::VirtualService& object, const std::string& ns) {
    return normalize::isVisible(object.spec.exportTo, object.meta.ns, ns);
  };
  std::vector<std::string> namespaces{a.meta.ns, b.meta.ns, "*"};  // "*": one that nobody names
  for (const auto* object : {&a, &b}) {
    for (const auto& target : object->spec.exportTo) {
      if (target != "." && target != "~" && target != "*") namespaces.push_back(target);
    }
  }
  return std::any_of(namespaces.begin(), namespaces.end(),
                     [&](const auto& ns) { return visibleTo(a, ns) && visibleTo(b, ns); });
}

std::string hostField(std::size_t index) { return "spec.hosts[" + std::to_string(index) + "]"; }

void checkSame(const std::string& host, const std::vector<Bound>& bound, Reporter& report) {
  for (const auto& mine : bound) {
    std::vector<std::string> others;
    bool older = true;
    for (const auto& other : bound) {
      if (other.resource == mine.resource || !meet(*mine.object, *other.object)) continue;
      others.push_back(other.resource->text());
      older = older && normalize::olderThan(*mine.object, *other.object);
    }
    if (others.empty()) continue;
    report.add(Code::same_mesh_host, *mine.resource, hostField(mine.index),
               "host " + host + " is routed by " + listed(others) +
                   " as well: the rules of all apply, those of the "
                   "oldest first, and then the catch-alls" +
                   (older ? " (this one is the oldest)" : ""),
               "put the rules into one VirtualService, or keep the others to namespaces of their own by exportTo");
  }
}

// Of the hosts that a wildcard covers, those with a VirtualService of their own are routed by that alone.
void checkCovered(const std::map<std::string, std::vector<Bound>>& hosts, Reporter& report) {
  for (const auto& [wide, bound] : hosts) {
    if (!wide.starts_with('*')) continue;
    for (const auto& mine : bound) {
      std::vector<std::string> narrower;
      for (const auto& [host, others] : hosts) {
        if (host == wide || !normalize::matchesHost(wide, host)) continue;
        for (const auto& other : others) {
          if (other.resource != mine.resource && meet(*mine.object, *other.object)) {
            narrower.push_back(host + " of " + other.resource->text());
          }
        }
      }
      if (narrower.empty()) continue;
      report.add(Code::covered_host, *mine.resource, hostField(mine.index),
                 "the wildcard " + wide + " covers " + listed(narrower) +
                     ", where only the rules of the more specific "
                     "host apply",
                 "nothing to do if that is meant; else repeat the rules there");
    }
  }
}

}  // namespace

void checkMeshHosts(const World& world, Reporter& report) {
  std::map<std::string, std::vector<Bound>> hosts;
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    if (!isForMesh(object)) return;
    for (std::size_t i = 0; i < object.spec.hosts.size(); ++i) {
      const auto host = store::resolveHost(object.spec.hosts[i], object.meta.ns, world.options().mesh);
      if (!host.empty()) hosts[host].push_back({&resource, &object, i});
    }
  });
  for (const auto& [host, bound] : hosts) checkSame(host, bound, report);
  checkCovered(hosts, report);
}

}  // namespace fairway::analyze
