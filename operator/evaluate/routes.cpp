#include <algorithm>

#include <envoy/extensions/path/match/uri_template/v3/uri_template_match.pb.h>

#include "base/strings.h"
#include "evaluate/jwt_tokens_internal.h"
#include "evaluate/matchers_internal.h"
#include "evaluate/regex.h"
#include "evaluate/routes_internal.h"

namespace fairway::evaluate {

using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::RouteMatch;
using envoy::config::route::v3::VirtualHost;

namespace {

Truth both(Truth a, Truth b) {
  if (a == Truth::no || b == Truth::no) return Truth::no;
  return a == Truth::unknown ? a : b;
}

Truth matchPath(const RouteMatch& match, std::string_view whole) {
  const auto path = withoutQuery(whole);
  const bool exactCase = !match.has_case_sensitive() || match.case_sensitive().value();
  const auto folded = [&](std::string_view text) { return exactCase ? std::string(text) : toLower(text); };
  switch (match.path_specifier_case()) {
    // A prefix is compared with the query too.
    case RouteMatch::kPrefix: return truth(folded(whole).starts_with(folded(match.prefix())));
    case RouteMatch::kPath: return truth(folded(path) == folded(match.path()));
    case RouteMatch::kSafeRegex: return fullMatch(match.safe_regex().regex(), path);
    case RouteMatch::kPathSeparatedPrefix: {
      const auto prefix = folded(match.path_separated_prefix());
      const auto text = folded(path);
      return truth(text.starts_with(prefix) && (text.size() == prefix.size() || text[prefix.size()] == '/'));
    }
    case RouteMatch::kPathMatchPolicy: {
      envoy::extensions::path::match::uri_template::v3::UriTemplateMatchConfig config;
      if (!match.path_match_policy().typed_config().UnpackTo(&config)) return Truth::unknown;
      return matchTemplate(config.path_template(), path);
    }
    default: return Truth::unknown;
  }
}

Truth matchQuery(const RouteMatch& match, std::string_view path) {
  if (match.query_parameters().empty()) return Truth::yes;
  const auto parameters = queryParameters(path);
  Truth result = Truth::yes;
  for (const auto& wanted : match.query_parameters()) {
    const auto found = std::find_if(parameters.begin(), parameters.end(),
                                    [&](const auto& each) { return each.first == wanted.name(); });
    const bool present = found != parameters.end();
    switch (wanted.query_parameter_match_specifier_case()) {
      case envoy::config::route::v3::QueryParameterMatcher::kStringMatch:
        result = both(result, present ? matchText(wanted.string_match(), found->second) : Truth::no);
        break;
      case envoy::config::route::v3::QueryParameterMatcher::kPresentMatch:
        result = both(result, truth(present == wanted.present_match()));
        break;
      default: result = both(result, truth(present)); break;
    }
  }
  return result;
}

// Lower case and, if the configuration says so, without its port.
std::string hostOf(const RouteConfiguration& routes, const Headers& headers) {
  auto host = toLower(headers.first(":authority").value_or(""));
  if (!routes.ignore_port_in_host_matching()) return host;
  const auto colon = host.rfind(':');
  const bool port = colon != std::string::npos && host.find(']', colon) == std::string::npos &&
                    toNumber(std::string_view(host).substr(colon + 1)).has_value();
  return port ? host.substr(0, colon) : host;
}

// How well a domain fits: 0 for not at all.
std::size_t fit(const std::string& domain, const std::string& host) {
  constexpr std::size_t kExact = 3U << 20U, kSuffix = 2U << 20U, kPrefix = 1U << 20U;
  if (domain == "*") return 1;
  if (domain == host) return kExact;
  // The star stands for at least one character.
  if (domain.size() > host.size()) return 0;
  if (domain.starts_with('*') && host.ends_with(domain.substr(1))) return kSuffix + domain.size();
  if (domain.ends_with('*') && host.starts_with(domain.substr(0, domain.size() - 1))) return kPrefix + domain.size();
  return 0;
}

}  // namespace

Truth matchRoute(const RouteMatch& match, const Headers& headers, const Metadata* metadata) {
  Truth result = both(matchPath(match, headers.path()), matchQuery(match, headers.path()));
  for (const auto& header : match.headers()) result = both(result, matchHeader(header, headers));
  if (result == Truth::no) return result;
  static const Metadata none;
  for (const auto& each : match.dynamic_metadata()) {
    result = both(result, matchMetadata(each, metadata ? *metadata : none));
  }
  // Parts of requests, gRPC alone, certificates and filter state are not looked into.
  const bool more =
      match.has_runtime_fraction() || match.has_grpc() || match.has_tls_context() || match.filter_state_size() > 0;
  return more ? both(result, Truth::unknown) : result;
}

ChosenRoute chooseRoute(const RouteConfiguration& routes, const Headers& headers, const Metadata& metadata) {
  ChosenRoute chosen;
  const auto host = hostOf(routes, headers);
  std::size_t best = 0;
  for (const auto& each : routes.virtual_hosts()) {
    for (const auto& domain : each.domains()) {
      const auto one = fit(toLower(domain), host);
      if (one > best) {
        best = one;
        chosen.host = &each;
      }
    }
  }
  if (!chosen.host) return chosen;
  if (chosen.host->has_matcher())
    return {Truth::unknown, "virtual host " + chosen.host->name() + " has a matcher", chosen.host};
  for (const auto& route : chosen.host->routes()) {
    const auto matched = matchRoute(route.match(), headers, &metadata);
    if (matched == Truth::no) continue;
    chosen.found = matched;
    chosen.route = &route;
    if (matched == Truth::unknown) chosen.text = "whether route \"" + route.name() + "\" takes the request";
    return chosen;
  }
  return chosen;
}

}  // namespace fairway::evaluate
