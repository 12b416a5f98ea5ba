#include "normalize/l4_route.h"

#include <algorithm>
#include <map>
#include <set>

#include "normalize/objects.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

// The connections that a rule takes here.
struct Placed {
  bool everything = false;            // every connection that comes here
  std::vector<std::string> subnets;   // empty: any
  std::vector<std::string> sniHosts;  // tls only
};

class L4Rules {
 public:
  L4Rules(const RouteContext& context, const BoundService& service, std::string list, const NarrowSni* narrow)
      : context_(context),
        service_(service),
        object_(*service.object),
        errors_(object_),
        list_(std::move(list)),
        narrow_(narrow) {}

  void appendTo(std::vector<model::L4Route>& routes, std::string& closedBy) {
    const auto& rules = narrow_ != nullptr ? object_.spec.tls : object_.spec.tcp;
    for (std::size_t i = 0; i < rules.size(); ++i) add(rules[i], i, routes, closedBy);
    if (errors_.atList("spec." + list_, rules.size())) {
      error(context_.view, provenanceOf(object_), "spec." + list_,
            "its rules could not be read: connections that no rule takes are closed");
      push(closing(list_, narrowed("*")), narrow_ == nullptr, routes, closedBy);
    }
  }

 private:
  std::vector<std::string> narrowed(const std::string& sni) const {
    return narrow_ == nullptr ? std::vector<std::string>() : (*narrow_)(service_, sni);
  }

  model::L4Route closing(const std::string& rule, std::vector<std::string> sniHosts) const {
    model::L4Route route;
    route.sniHosts = std::move(sniHosts);
    model::Destination nowhere;
    nowhere.missing = true;
    route.destinations.push_back({nowhere, 100});
    route.provenance = provenanceOf(object_, rule);
    return route;
  }

  // One part for each list of destinationSubnets among the matches that apply here; none if no match does.
  std::vector<Placed> place(const api::L4Route& rule) const {
    std::map<std::vector<std::string>, std::set<std::string>> places;
    const auto add = [&](std::vector<std::string> subnets, const std::string& sni) {
      std::sort(subnets.begin(), subnets.end());
      auto& names = places[std::move(subnets)];
      if (narrow_ == nullptr) return;
      for (auto& name : narrowed(sni)) names.insert(std::move(name));
    };
    if (rule.match.empty()) add({}, "*");
    for (const auto& match : rule.match) {
      const MatchPlace where{match.port, match.sourceLabels, match.sourceNamespace, match.gateways};
      if (!appliesHere(context_, service_, where)) continue;
      if (narrow_ == nullptr || match.sniHosts.empty()) add(match.destinationSubnets, "*");
      if (narrow_ == nullptr) continue;
      for (const auto& sni : match.sniHosts) {
        add(match.destinationSubnets, store::resolveHost(sni, object_.meta.ns, context_.view.mesh()));
      }
    }
    // Of connections that are told apart by nothing else, one list that is none takes all.
    if (narrow_ == nullptr && places.contains({})) return {{true, {}, {}}};
    std::vector<Placed> result;
    for (const auto& [subnets, names] : places) {
      if (narrow_ != nullptr && names.empty()) continue;
      result.push_back({false, subnets, {names.begin(), names.end()}});
    }
    return result;
  }

  void add(const api::L4Route& rule, std::size_t index, std::vector<model::L4Route>& routes, std::string& closedBy) {
    const auto name = list_ + "[" + std::to_string(index) + "]";
    const auto field = "spec." + name;
    const bool broken = errors_.atItem("spec." + list_, index);
    if (broken && (errors_.below(field + ".match") || rule == api::L4Route{})) {
      error(context_.view, provenanceOf(object_), field,
            "the rule has errors and its matches cannot be read: connections that no rule before it takes are closed");
      push(closing(name, narrowed("*")), narrow_ == nullptr, routes, closedBy);
      return;
    }
    const auto places = place(rule);
    if (places.empty()) return;
    if (broken) {
      error(context_.view, provenanceOf(object_), field, "the rule has errors: connections that it matches are closed");
    }
    const auto route = broken ? closing(name, {}) : convert(rule, name);
    for (const auto& placed : places) {
      auto part = route;
      part.sniHosts = placed.sniHosts;
      part.destinationSubnets = placed.subnets;
      push(std::move(part), placed.everything, routes, closedBy);
    }
  }

  model::L4Route convert(const api::L4Route& rule, const std::string& name) const {
    const auto field = "spec." + name + ".route";
    model::L4Route route;
    route.provenance = provenanceOf(object_, name);
    for (std::size_t i = 0; i < rule.route.size(); ++i) {
      const auto& weighted = rule.route[i];
      const bool only = rule.route.size() == 1;
      if (!only && weighted.weight <= 0) continue;
      route.destinations.push_back({resolveDestination(context_, object_, weighted.destination,
                                                       field + "[" + std::to_string(i) + "].destination"),
                                    only ? 100 : static_cast<std::uint32_t>(weighted.weight)});
    }
    if (!route.destinations.empty()) return route;
    error(context_.view, provenanceOf(object_), field,
          "no destination gets any connection, expected route with a weight above 0: connections are closed");
    return closing(name, {});
  }

  void push(model::L4Route route, bool everything, std::vector<model::L4Route>& routes, std::string& closedBy) {
    if (!closedBy.empty()) {
      warning(context_.view, route.provenance, "spec." + route.provenance.rule,
              "no connection gets here: " + closedBy + " before it takes all");
      return;
    }
    if (narrow_ != nullptr && route.sniHosts.empty()) return;
    if (everything) closedBy = route.provenance.toString();
    routes.push_back(std::move(route));
  }

  const RouteContext& context_;
  const BoundService& service_;
  const api::VirtualService& object_;
  Errors errors_;
  std::string list_;
  const NarrowSni* narrow_;
};

}  // namespace

std::vector<model::L4Route> tlsRoutes(const RouteContext& context, const std::vector<BoundService>& services,
                                      const NarrowSni& narrow) {
  std::vector<model::L4Route> routes;
  std::string closedBy;
  for (const auto& service : services) L4Rules(context, service, "tls", &narrow).appendTo(routes, closedBy);
  return routes;
}

std::vector<model::L4Route> tcpRoutes(const RouteContext& context, const std::vector<BoundService>& services) {
  std::vector<model::L4Route> routes;
  std::string closedBy;
  for (const auto& service : services) L4Rules(context, service, "tcp", nullptr).appendTo(routes, closedBy);
  return routes;
}

}  // namespace fairway::normalize
