#include "normalize/gateway_api_http.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "normalize/conditions.h"
#include "normalize/gateway_api_filters.h"
#include "normalize/http_action.h"
#include "normalize/http_route.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::BackendRef;
using api::gateway_api::GrpcRoute;
using api::gateway_api::HttpRoute;
using api::gateway_api::NamedMatch;
using Rule = api::gateway_api::HttpRouteSpec::Rule;
using Match = api::gateway_api::HttpRouteSpec::Match;
using PathType = Match::Path;
using Type = model::StringMatcher::Type;

std::string ruleName(std::size_t index) { return "rules[" + std::to_string(index) + "]"; }

// --- GRPCRoute -----------------------------------------------------------------------------------

// gRPC's requests have the path /service/method.
Match matchOf(const api::gateway_api::GrpcRouteSpec::Match& from) {
  Match to;
  to.headers = from.headers;
  constexpr std::string_view kAny = "[^/]+";
  if (from.service.empty() && from.method.empty()) return to;
  if (from.regex || from.service.empty()) {
    const auto part = [&](const std::string& text) {
      if (text.empty()) return std::string(kAny);
      return from.regex ? "(?:" + text + ")" : quoteRegex(text);
    };
    to.pathType = PathType::regex;
    to.path = "/" + part(from.service) + "/" + part(from.method);
  } else if (from.method.empty()) {
    to.path = "/" + from.service;
  } else {
    to.pathType = PathType::exact;
    to.path = "/" + from.service + "/" + from.method;
  }
  return to;
}

Rule ruleOf(const Rule& rule) { return rule; }

Rule ruleOf(const api::gateway_api::GrpcRouteSpec::Rule& from) {
  Rule to;
  to.name = from.name;
  for (const auto& match : from.matches) to.matches.push_back(matchOf(match));
  to.filters = from.filters;
  to.backends = from.backends;
  return to;
}

// --- Matches -------------------------------------------------------------------------------------

model::HttpMatch::Named named(const NamedMatch& match, bool header) {
  return {
      header ? toLower(match.name) : match.name, {match.regex ? Type::regex : Type::exact, match.value, false}, false};
}

RankedRoute ranked(const Match& from) {
  RankedRoute result;
  model::HttpMatch match;
  auto path = from.path;
  switch (from.pathType) {
    case PathType::exact:
      result.pathType = 3;
      match.uri = {Type::exact, path, false};
      break;
    case PathType::prefix:
      result.pathType = 2;
      while (path.size() > 1 && path.ends_with('/')) path.pop_back();
      match.wholeElements = path != "/";
      if (match.wholeElements) match.uri = {Type::prefix, path, false};
      break;
    case PathType::regex:
      result.pathType = 1;
      match.uri = {Type::regex, path, false};
      break;
  }
  result.pathLength = path.size();
  if (!from.method.empty()) match.method = {Type::exact, from.method, false};
  for (const auto& header : from.headers) match.headers.push_back(named(header, true));
  for (const auto& parameter : from.queryParams) match.queryParams.push_back(named(parameter, false));
  result.method = !from.method.empty();
  result.headers = from.headers.size();
  result.queryParams = from.queryParams.size();
  result.route.matches.push_back(std::move(match));
  return result;
}

// --- Rules ---------------------------------------------------------------------------------------

model::HttpRoute refusal(const api::Object& object, const std::string& rule) {
  model::HttpRoute route;
  route.directResponse = model::HttpRoute::DirectResponse{500, ""};
  route.provenance = provenanceOf(object, rule);
  return route;
}

// A single destination gets everything; of several, those with weight 0 get nothing.
void addBackends(store::View& view, const api::Object& object, const Rule& rule, const std::string& field,
                 const RulePlace& place, model::HttpRoute& to) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < rule.backends.size(); ++i) {
    const auto& from = rule.backends[i];
    sum += from.weight;
    if (from.weight == 0) continue;
    auto backend = backendOf(view, object, from.object, from.port, place.clientNs);
    const auto at = "spec." + field + ".backendRefs[" + std::to_string(i) + "]";
    if (!backend.fault.ok()) {
      error(view, provenanceOf(object, field), at, backend.fault.message + ": requests that are sent there get a 500");
    }
    model::HttpRoute::Weighted weighted;
    weighted.weight = from.weight;
    for (const auto& filter : from.filters) {
      if (addHeaders(filter, weighted.headers)) continue;
      error(view, provenanceOf(object, field), at + ".filters",
            "filter " + filter.typeName + " is not supported for one backend: requests that are sent there get a 500");
      backend.destination.host = "unsupported-filter.invalid";
      backend.destination.missing = true;
    }
    weighted.destination = std::move(backend.destination);
    to.destinations.push_back(std::move(weighted));
  }
  to.missingStatus = 500;
  if (sum == 0) to.directResponse = model::HttpRoute::DirectResponse{500, ""};
}

void addRetries(store::View& view, const Rule& rule, model::HttpRoute& to) {
  to.retries = defaultRetries(view);
  if (rule.retry) {
    if (rule.retry->attempts) to.retries.attempts = *rule.retry->attempts;
    if (!rule.retry->codes.empty()) to.retries.statusCodes = rule.retry->codes;
    to.retries.backoff = rule.retry->backoff;
    if (to.retries.attempts == 0) to.retries = {};
  }
  to.timeout = rule.requestTimeout.value_or(model::Duration{0});
  if (!rule.backendTimeout || rule.backendTimeout->count() == 0) return;
  if (to.retries.attempts > 0) to.retries.perTryTimeout = rule.backendTimeout;
  // Without retries, or where nothing else ends the request, this is the time for all.
  if (to.timeout.count() == 0 && (!rule.retry || to.retries.attempts == 0)) to.timeout = *rule.backendTimeout;
}

// What the matches of a rule lead to; it has no errors and its filters are supported.
model::HttpRoute convert(store::View& view, const api::Object& object, const Rule& rule, std::size_t index,
                         const RulePlace& place) {
  model::HttpRoute to;
  const auto field = ruleName(index);
  to.name = object.meta.ns + "." + object.meta.name + "." + (rule.name.empty() ? std::to_string(index) : rule.name);
  to.provenance = provenanceOf(object, field);
  const FilterPlace at{view, object, field, place};
  for (const auto& filter : rule.filters) addFilter(at, filter, to);
  if (to.redirect) return to;
  addBackends(view, object, rule, field, place, to);
  addRetries(view, rule, to);
  return to;
}

template <class Route>
std::vector<RankedRoute> rankedOf(store::View& view, const Route& route, const RulePlace& place) {
  std::vector<RankedRoute> result;
  const Errors errors(route);
  const Match everything;
  for (std::size_t i = 0; i < route.spec.rules.size(); ++i) {
    const auto field = ruleName(i);
    auto rule = ruleOf(route.spec.rules[i]);
    const bool broken = errors.atItem("spec.rules", i);
    const bool unreadable = broken && (errors.below("spec." + field + ".matches") || rule == Rule{});
    if (broken) {
      error(view, provenanceOf(route, field), "spec." + field,
            unreadable ? "the rule's matches cannot be read: requests that no other rule takes are answered with 500"
                       : "the rule has errors: requests that it matches are answered with 500");
    }
    const auto fault = broken ? Fault{"UnsupportedValue", {}} : unsupportedFilter(rule.filters);
    if (!broken && !fault.ok()) {
      error(view, provenanceOf(route, field), "spec." + field + ".filters",
            fault.message + ": requests that the rule matches are answered with 500");
    }
    if (rule.matches.empty() || unreadable) rule.matches = {everything};
    const auto action = fault.ok() ? convert(view, route, rule, i, place) : refusal(route, field);
    for (const auto& match : rule.matches) {
      auto entry = ranked(match);
      auto matches = std::move(entry.route.matches);
      entry.route = action;
      entry.route.matches = std::move(matches);
      result.push_back(std::move(entry));
    }
  }
  if (errors.atList("spec.rules", route.spec.rules.size())) {
    error(view, provenanceOf(route, "rules"), "spec.rules",
          "its rules could not be read: requests that no rule takes are answered with 500");
    auto entry = ranked(everything);
    auto matches = std::move(entry.route.matches);
    entry.route = refusal(route, "rules");
    entry.route.matches = std::move(matches);
    result.push_back(std::move(entry));
  }
  return result;
}

template <class Backends>
void addBackendFaults(store::View& view, const api::Object& route, const Backends& backends, RuleFaults& out) {
  for (const auto& backend : backends) {
    auto fault = backendOf(view, route, backend.object, backend.port, route.meta.ns).fault;
    if (out.resolved.ok() && !fault.ok()) out.resolved = std::move(fault);
  }
}

template <class Route>
RuleFaults faults(store::View& view, const Route& route) {
  RuleFaults result;
  const Errors errors(route);
  std::size_t served = 0;
  const auto refuse = [&](Fault fault) {
    if (result.accepted.ok()) result.accepted = std::move(fault);
  };
  for (std::size_t i = 0; i < route.spec.rules.size(); ++i) {
    const auto& rule = route.spec.rules[i];
    if constexpr (requires { rule.filters; }) {
      for (const auto& filter : rule.filters) {
        if (filter.type != api::gateway_api::Filter::Type::mirror) continue;
        auto fault = backendOf(view, route, filter.mirror.backend, filter.mirror.port, route.meta.ns).fault;
        if (result.resolved.ok() && !fault.ok()) result.resolved = std::move(fault);
      }
    }
    addBackendFaults(view, route, rule.backends, result);
    if (errors.atItem("spec.rules", i)) {
      refuse({"UnsupportedValue", ruleName(i) + " has errors"});
      continue;
    }
    if constexpr (requires { rule.filters; }) {
      if (auto fault = unsupportedFilter(rule.filters); !fault.ok()) {
        refuse({fault.reason, ruleName(i) + ": " + fault.message});
        continue;
      }
    }
    ++served;
  }
  if (errors.atList("spec.rules", route.spec.rules.size())) refuse({"UnsupportedValue", "the rules cannot be read"});
  result.all = served == 0 && !result.accepted.ok();
  return result;
}

}  // namespace

std::vector<RankedRoute> rankedRoutes(store::View& view, const HttpRoute& route, const RulePlace& place) {
  return rankedOf(view, route, place);
}

std::vector<RankedRoute> rankedRoutes(store::View& view, const GrpcRoute& route, const RulePlace& place) {
  return rankedOf(view, route, place);
}

std::vector<model::HttpRoute> inOrder(std::vector<RankedRoute> routes) {
  std::stable_sort(routes.begin(), routes.end(), [](const RankedRoute& a, const RankedRoute& b) {
    return std::tie(a.pathType, a.pathLength, a.method, a.headers, a.queryParams) >
           std::tie(b.pathType, b.pathLength, b.method, b.headers, b.queryParams);
  });
  std::vector<model::HttpRoute> result;
  result.reserve(routes.size());
  for (auto& ranked : routes) result.push_back(std::move(ranked.route));
  return result;
}

RuleFaults faultsOf(store::View& view, const HttpRoute& route) { return faults(view, route); }
RuleFaults faultsOf(store::View& view, const GrpcRoute& route) { return faults(view, route); }
RuleFaults faultsOf(store::View& view, const api::gateway_api::TlsRoute& route) { return faults(view, route); }
RuleFaults faultsOf(store::View& view, const api::gateway_api::TcpRoute& route) { return faults(view, route); }

}  // namespace fairway::normalize
