#include <set>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"

namespace fairway::analyze {

namespace {

using Name = std::pair<std::string, std::string>;  // namespace, name

// Why the routes cannot be those of this VirtualService; empty if they can.
std::string whyNot(const api::VirtualService& delegate, const std::string& rootNs) {
  if (!delegate.spec.hosts.empty()) return "it has hosts: only one without hosts can be a delegate";
  if (!normalize::isVisible(delegate.spec.exportTo, delegate.meta.ns, rootNs)) {
    return "it is not exported to namespace " + rootNs;
  }
  const auto& rules = delegate.spec.http;
  const bool again =
      std::any_of(rules.begin(), rules.end(), [](const auto& rule) { return rule.delegate.has_value(); });
  return again ? "it delegates again, and a delegate may not: its routes would never end" : "";
}

}  // namespace

void checkDelegates(const World& world, Reporter& report) {
  std::set<Name> used;
  std::vector<std::string> known;
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    if (object.spec.hosts.empty()) known.push_back(resource.ns + "/" + resource.name);
  });
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    for (std::size_t i = 0; i < object.spec.http.size(); ++i) {
      const auto& delegate = object.spec.http[i].delegate;
      if (!delegate || delegate->name.empty()) continue;
      const Name name{delegate->ns.empty() ? object.meta.ns : delegate->ns, delegate->name};
      const auto text = name.first + "/" + name.second;
      used.insert(name);
      const auto* found = world.view().get<api::VirtualService>(name.first, name.second);
      const auto why = found == nullptr ? std::string() : whyNot(*found, object.meta.ns);
      if (found != nullptr && why.empty()) continue;
      report.add(Code::delegate_not_found, resource, "spec." + ruleText("http", i) + ".delegate",
                 (found == nullptr ? "there is no VirtualService " + text + didYouMean(text, known)
                                   : "VirtualService " + text + " cannot be delegated to: " + why) +
                     "; requests that the rule matches are answered with 500",
                 found == nullptr ? "create it, or correct name and namespace"
                                  : "name a VirtualService without hosts and without delegates of its own");
    }
  });
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    if (!object.spec.hosts.empty() || used.contains({resource.ns, resource.name})) return;
    if (normalize::Errors(object).at("spec.hosts")) return;
    report.add(Code::unused_delegate, resource, "spec",
               "it has no hosts, which makes it a delegate, and no VirtualService delegates to it: its routes have no "
               "effect",
               "add hosts, or name it in the delegate of another VirtualService's route");
  });
}

}  // namespace fairway::analyze
