#include "normalize/ingress_routes.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/http_action.h"
#include "normalize/http_match.h"
#include "normalize/objects.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

using Backend = api::IngressSpec::Backend;
using Path = api::IngressSpec::Path;
using Type = model::StringMatcher::Type;

struct Rule {
  std::string host;  // "*": every host
  model::HttpRoute route;
  bool fallback = false;  // a default backend
};

// What the path type means. Nothing matches every path.
std::optional<model::StringMatcher> matcherOf(const Path& path, bool& wholeElements) {
  wholeElements = false;
  switch (path.type) {
    case Path::Type::exact: return model::StringMatcher{Type::exact, path.path, false};
    case Path::Type::prefix: {
      // Kubernetes compares element by element and ignores a slash at the end.
      auto text = path.path;
      while (text.ends_with('/')) text.pop_back();
      if (text.empty()) return std::nullopt;
      wholeElements = true;
      return model::StringMatcher{Type::prefix, text, false};
    }
    case Path::Type::implementation_specific: break;
  }
  // Istio's reading: ".*" or "/*" at the end makes a prefix of text, anything else is exact.
  if (path.path.empty()) return std::nullopt;
  for (const std::string_view suffix : {".*", "/*"}) {
    if (!path.path.ends_with(suffix)) continue;
    const auto prefix = path.path.substr(0, path.path.size() - suffix.size());
    if (prefix.empty() || prefix == "/") return std::nullopt;
    return model::StringMatcher{Type::prefix, prefix, false};
  }
  return model::StringMatcher{Type::exact, path.path, false};
}

model::Destination destinationOf(store::View& view, const api::Ingress& ingress, const Backend& backend,
                                 const std::string& rule) {
  model::Destination result;
  const auto fail = [&](const std::string& part, const std::string& message) {
    error(view, provenanceOf(ingress), "spec." + rule + part, message + ": requests are answered with 503");
    result.missing = true;
    return result;
  };
  if (backend.service.empty()) return fail("", "there is no backend service");
  result.host = store::resolveHost(backend.service, ingress.meta.ns, view.mesh());
  result.port = backend.port;
  const auto& service = view.ask(ServiceOf{result.host});
  if (!service) return fail(".service.name", "there is no service " + ingress.meta.ns + "/" + backend.service);
  if (!backend.portName.empty()) {
    const auto& ports = service->ports;
    const auto found =
        std::find_if(ports.begin(), ports.end(), [&](const auto& p) { return p.name == backend.portName; });
    if (found == ports.end()) {
      return fail(".service.port.name", "service " + result.host + " has no port named \"" + backend.portName + "\"");
    }
    result.port = found->number;
  } else if (service->port(result.port) == nullptr) {
    return fail(".service.port.number", "service " + result.host + " has no port " + std::to_string(result.port));
  }
  return result;
}

class RuleList {
 public:
  RuleList(store::View& view, const api::Ingress& ingress, std::vector<Rule>& out)
      : view_(view), ingress_(ingress), errors_(ingress), out_(out) {}

  void add() {
    const auto& spec = ingress_.spec;
    std::set<std::string> hosts;
    for (std::size_t i = 0; i < spec.rules.size(); ++i) {
      const auto& rule = spec.rules[i];
      const auto name = "rules[" + std::to_string(i) + "]";
      // A host that cannot be read must not turn into every host.
      if (errors_.below("spec." + name + ".host")) {
        error(view_, provenanceOf(ingress_), "spec." + name + ".host", "it cannot be read: the rule is left out");
        continue;
      }
      const auto host = rule.host.empty() ? std::string("*") : rule.host;
      hosts.insert(host);
      for (std::size_t j = 0; j < rule.paths.size(); ++j) {
        addPath(host, rule.paths[j], name + ".http.paths[" + std::to_string(j) + "]");
      }
    }
    if (!spec.defaultBackend) return;
    // Requests that no rule of the Ingress takes, whether or not their host has rules.
    hosts.insert("*");
    const auto route = routeTo(*spec.defaultBackend, "defaultBackend", "defaultBackend");
    for (const auto& host : hosts) out_.push_back({host, route, true});
  }

 private:
  model::HttpRoute routeTo(const Backend& backend, const std::string& name, const std::string& field) {
    model::HttpRoute route;
    model::HttpRoute::Weighted weighted;
    weighted.destination = destinationOf(view_, ingress_, backend, field);
    weighted.weight = 100;
    route.destinations.push_back(std::move(weighted));
    route.retries = defaultRetries(view_);
    route.provenance = provenanceOf(ingress_, name);
    return route;
  }

  void addPath(const std::string& host, const Path& path, const std::string& name) {
    if (errors_.at("spec." + name)) {
      error(view_, provenanceOf(ingress_), "spec." + name, "the path has errors and is left out");
      return;
    }
    auto route = routeTo(path.backend, name, name + ".backend");
    model::HttpMatch match;
    match.uri = matcherOf(path, match.wholeElements);
    if (match.uri) route.matches.push_back(std::move(match));
    out_.push_back({host, std::move(route), false});
  }

  store::View& view_;
  const api::Ingress& ingress_;
  Errors errors_;
  std::vector<Rule>& out_;
};

std::size_t lengthOf(const Rule& rule) {
  return rule.route.matches.empty() ? 0 : rule.route.matches.front().uri->value.size();
}

bool isExact(const Rule& rule) {
  return !rule.route.matches.empty() && rule.route.matches.front().uri->type == Type::exact;
}

bool precedes(const Rule& a, const Rule& b) {
  if (a.fallback != b.fallback) return b.fallback;
  if (a.host != b.host) return moreSpecificHost(a.host, b.host);
  if (lengthOf(a) != lengthOf(b)) return lengthOf(a) > lengthOf(b);
  return isExact(a) && !isExact(b);
}

std::vector<model::HttpRoute> routesOfDomain(store::View& view, std::vector<Rule> rules) {
  std::stable_sort(rules.begin(), rules.end(), precedes);
  std::vector<model::HttpRoute> routes;
  std::vector<std::string> hosts;  // of the routes' rules
  for (auto& rule : rules) {
    const auto same = std::find_if(routes.begin(), routes.end(), [&](const model::HttpRoute& route) {
      return route.matches == rule.route.matches || isCatchAll(route.matches);
    });
    if (same == routes.end()) {
      routes.push_back(std::move(rule.route));
      hosts.push_back(rule.host);
    } else if (!rule.fallback && rule.host == hosts[static_cast<std::size_t>(same - routes.begin())]) {
      warning(view, rule.route.provenance, "spec." + rule.route.provenance.rule,
              "no request gets here: " + same->provenance.toString() + " takes the same path of the same host");
    }
  }
  return routes;
}

}  // namespace

std::map<std::string, std::vector<model::HttpRoute>> ingressRoutes(store::View& view,
                                                                   const std::vector<const api::Ingress*>& ingresses,
                                                                   const std::vector<std::string>& serverHosts) {
  std::vector<Rule> rules;
  for (const auto* ingress : ingresses) RuleList(view, *ingress, rules).add();
  std::map<std::string, std::vector<Rule>> domains;
  for (const auto& rule : rules) {
    std::set<std::string> common;
    for (const auto& offered : serverHosts) {
      if (auto domain = intersectHosts(rule.host, offered)) common.insert(std::move(*domain));
    }
    for (const auto& domain : common) domains[domain].push_back(rule);
  }
  std::map<std::string, std::vector<model::HttpRoute>> result;
  for (auto& [domain, list] : domains) result.emplace(domain, routesOfDomain(view, std::move(list)));
  return result;
}

void appendIngressRoutes(store::View& view, std::vector<model::HttpRoute>& routes, std::vector<model::HttpRoute> more) {
  for (auto& route : more) {
    const bool closed = !routes.empty() && isCatchAll(routes.back().matches);
    if (!closed) {
      routes.push_back(std::move(route));
    } else if (!isCatchAll(route.matches)) {
      routes.insert(routes.end() - 1, std::move(route));
    } else {
      warning(view, route.provenance, "spec." + route.provenance.rule,
              "no request gets here: " + routes.back().provenance.toString() + " takes all requests to the same host");
    }
  }
}

}  // namespace fairway::normalize
