#include "translate/route.h"

#include <algorithm>

#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/http/cors/v3/cors.pb.h>
#include <envoy/extensions/filters/http/fault/v3/fault.pb.h>
#include <envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.pb.h>
#include <envoy/extensions/retry/priority/previous_priorities/v3/previous_priorities_config.pb.h>

#include "base/strings.h"
#include "normalize/clients.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/message_writer.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace route_v3 = envoy::config::route::v3;
namespace core = envoy::config::core::v3;
using model::HttpRoute;
using route_v3::Route;
using route_v3::RouteAction;

namespace {

constexpr const char* kDefaultRetryOn = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
constexpr std::size_t kMaxDirectResponseBody = 4096;  // Envoy's default limit, in bytes

bool isHostHeader(const std::string& name) {
  const auto lower = toLower(name);
  return lower == "host" || lower == ":authority" || lower == "authority";
}

template <class Values>
void addHeader(Values& values, const std::pair<std::string, std::string>& header, bool append) {
  if (header.first.empty() || header.first.front() == ':' || isHostHeader(header.first)) return;
  auto& option = *values.Add();
  option.mutable_header()->set_key(header.first);
  option.mutable_header()->set_value(formatString(header.second));
  option.set_append_action(append ? core::HeaderValueOption::APPEND_IF_EXISTS_OR_ADD
                                  : core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
}

// `Target` is a Route or a weighted cluster.
template <class Target>
void applyHeaders(Target& out, const model::HeaderOps& ops) {
  for (const auto& header : ops.requestSet) addHeader(*out.mutable_request_headers_to_add(), header, false);
  for (const auto& header : ops.requestAdd) addHeader(*out.mutable_request_headers_to_add(), header, true);
  for (const auto& header : ops.responseSet) addHeader(*out.mutable_response_headers_to_add(), header, false);
  for (const auto& header : ops.responseAdd) addHeader(*out.mutable_response_headers_to_add(), header, true);
  for (const auto& name : ops.requestRemove) {
    if (!name.empty() && name.front() != ':' && !isHostHeader(name)) out.add_request_headers_to_remove(name);
  }
  for (const auto& name : ops.responseRemove) {
    if (!name.empty() && name.front() != ':') out.add_response_headers_to_remove(name);
  }
}

// Setting the Host header is a rewrite to Envoy. Null if the operations do not.
const std::string* hostOf(const model::HeaderOps& ops) {
  for (const auto& [name, value] : ops.requestSet) {
    if (isHostHeader(name)) return &value;
  }
  return nullptr;
}

std::string describe(const model::Destination& destination) {
  std::string text = destination.host;
  if (destination.port != 0) text += ":" + std::to_string(destination.port);
  if (!destination.subset.empty()) text += " subset " + destination.subset;
  return text;
}

std::string clusterOf(const model::Destination& destination) {
  return clusterName(destination.port, destination.subset, destination.host);
}

const std::string* prefixOf(const route_v3::RouteMatch& match) {
  using Match = route_v3::RouteMatch;
  if (match.path_specifier_case() == Match::kPrefix) return &match.prefix();
  return match.path_specifier_case() == Match::kPathSeparatedPrefix ? &match.path_separated_prefix() : nullptr;
}

// `Action` is a RouteAction or a RedirectAction. Puts the path in place of what matched.
template <class Action>
void setPrefixRewrite(Action& out, const std::string& path, const route_v3::RouteMatch& match) {
  const auto* prefix = prefixOf(match);
  if (prefix && *prefix == "/" && path.back() != '/') {
    out.set_prefix_rewrite(path + "/");  // "/" -> "/v2": /a becomes /v2/a, not /v2a
  } else if (prefix && path == "/" && prefix->back() != '/') {
    // "/api" -> "/": /api/a becomes /a, not //a
    const std::string flags = match.has_case_sensitive() && !match.case_sensitive().value() ? "(?i)" : "";
    setRegex(*out.mutable_regex_rewrite()->mutable_pattern(), flags + "^" + quoteRegex(*prefix) + "/*");
    out.mutable_regex_rewrite()->set_substitution("/");
  } else {
    out.set_prefix_rewrite(path);
  }
}

void setRewrite(store::View& view, RouteAction& out, const HttpRoute& route, const route_v3::RouteMatch& match) {
  if (route.rewriteHost) out.set_host_rewrite_literal(*route.rewriteHost);
  if (!route.rewriteRegex.empty()) {
    if (validRewrite(route.rewriteRegex, route.rewriteSubstitution)) {
      setRegex(*out.mutable_regex_rewrite()->mutable_pattern(), route.rewriteRegex);
      out.mutable_regex_rewrite()->set_substitution(route.rewriteSubstitution);
    } else {
      view.note({model::Note::Severity::error, route.provenance, "rewrite.uriRegexRewrite",
                 "'" + route.rewriteRegex + "' -> '" + route.rewriteSubstitution +
                     "' is not a regular expression and rewrite that RE2 accepts; the path is left as it is"});
    }
    return;
  }
  if (!route.rewritePath) return;
  setPrefixRewrite(out, route.rewritePath->empty() ? "/" : *route.rewritePath, match);
}

// `Target` is a RouteAction or a VirtualHost.
template <class Target>
void setRetries(Target& out, const HttpRoute::Retries& retries) {
  if (retries.attempts == 0) return;
  auto& policy = *out.mutable_retry_policy();
  policy.set_retry_on(retries.on.empty() ? kDefaultRetryOn : retries.on);
  policy.mutable_num_retries()->set_value(retries.attempts);
  if (retries.on.empty() && retries.statusCodes.empty()) policy.add_retriable_status_codes(503);
  for (const auto code : retries.statusCodes) policy.add_retriable_status_codes(code);
  if (retries.perTryTimeout && retries.perTryTimeout->count() > 0) {
    setDuration(*policy.mutable_per_try_timeout(), *retries.perTryTimeout);
  }
  if (retries.backoff && *retries.backoff >= std::chrono::milliseconds(1)) {
    setDuration(*policy.mutable_retry_back_off()->mutable_base_interval(), *retries.backoff);
  }
  if (retries.otherLocalities) {
    // Every second try looks for another priority than those before.
    envoy::extensions::retry::priority::previous_priorities::v3::PreviousPrioritiesConfig config;
    config.set_update_frequency(2);
    auto& priority = *policy.mutable_retry_priority();
    priority.set_name("envoy.retry_priorities.previous_priorities");
    packAny(config, *priority.mutable_typed_config());
  }
  if (retries.samePreviousHosts) return;
  auto& predicate = *policy.add_retry_host_predicate();
  predicate.set_name("envoy.retry_host_predicates.previous_hosts");
  packAny(envoy::extensions::retry::host::previous_hosts::v3::PreviousHostsPredicate(),
          *predicate.mutable_typed_config());
  policy.set_host_selection_retry_max_attempts(5);
}

const model::TrafficPolicy& policyOf(const model::PortTrafficPolicy& policies, const std::string& subset) {
  for (const auto& candidate : policies.subsets) {
    if (candidate.name == subset) return candidate.policy;
  }
  return policies.policy;
}

void addHashPolicy(RouteAction& out, const model::TrafficPolicy::HashPolicy& hash) {
  auto& policy = *out.add_hash_policy();
  if (!hash.header.empty()) {
    policy.mutable_header()->set_header_name(hash.header);
  } else if (!hash.cookie.empty()) {
    policy.mutable_cookie()->set_name(hash.cookie);
    policy.mutable_cookie()->set_path(hash.cookiePath);
    if (hash.cookieTtl) setDuration(*policy.mutable_cookie()->mutable_ttl(), *hash.cookieTtl);
    for (const auto& [name, value] : hash.cookieAttributes) {
      auto& attribute = *policy.mutable_cookie()->add_attributes();
      attribute.set_name(name);
      attribute.set_value(value);
    }
  } else if (!hash.queryParameter.empty()) {
    policy.mutable_query_parameter()->set_name(hash.queryParameter);
  } else {
    policy.mutable_connection_properties()->set_source_ip(true);
  }
}

// Each destination's own hash policy, each once.
void setHashPolicies(store::View& view, RouteAction& out, const model::Client& client, const HttpRoute& route) {
  std::vector<model::TrafficPolicy::HashPolicy> seen;
  for (const auto& weighted : route.destinations) {
    const auto& destination = weighted.destination;
    if (destination.missing) continue;
    const auto& policies = view.ask(normalize::TrafficPolicyOf{normalize::policyClient(view, client, destination.host),
                                                               destination.host, destination.port});
    const auto& hash = policyOf(policies, destination.subset).hash;
    if (!hash || std::find(seen.begin(), seen.end(), *hash) != seen.end()) continue;
    seen.push_back(*hash);
    addHashPolicy(out, *hash);
  }
}

// The weighted destinations that get any requests.
std::vector<const HttpRoute::Weighted*> effective(const HttpRoute& route) {
  std::vector<const HttpRoute::Weighted*> result;
  for (const auto& weighted : route.destinations) {
    if (weighted.weight > 0 || route.destinations.size() == 1) result.push_back(&weighted);
  }
  return result;
}

void setDirectResponse(Route& out, std::uint32_t status, std::string body) {
  out.mutable_direct_response()->set_status(status >= 200 && status < 600 ? status : 500);
  if (body.size() > kMaxDirectResponseBody) body.resize(kMaxDirectResponseBody);
  if (!body.empty()) out.mutable_direct_response()->mutable_body()->set_inline_string(body);
}

bool forwards(const HttpRoute& route) { return !route.redirect && !route.directResponse; }

std::size_t matchCount(const HttpRoute& route) { return std::max<std::size_t>(route.matches.size(), 1); }

// The retries of the last route that forwards, if others have the same; else null.
const HttpRoute::Retries* sharedRetries(const std::vector<HttpRoute>& routes) {
  const auto last = std::find_if(routes.rbegin(), routes.rend(), forwards);
  if (last == routes.rend() || last->retries.attempts == 0) return nullptr;
  std::size_t count = 0;
  for (const auto& route : routes) {
    if (forwards(route) && route.retries == last->retries) count += matchCount(route);
  }
  return count > 1 ? &last->retries : nullptr;
}

// What the routes of one virtual host have in common.
struct Surroundings {
  const model::Client& client;
  const HttpRoute::Retries* retries;  // of the virtual host; null: it has none
};

void setForward(store::View& view, Route& out, const Surroundings& host, const HttpRoute& route) {
  const auto destinations = effective(route);
  if (std::all_of(destinations.begin(), destinations.end(), [](const auto* w) { return w->destination.missing; })) {
    setDirectResponse(out, route.missingStatus,
                      destinations.empty()
                          ? "fairway: this route has no destination"
                          : "fairway: no such destination: " + describe(destinations.front()->destination));
    return;
  }
  auto& action = *out.mutable_route();
  if (destinations.size() == 1) {
    const auto& only = *destinations.front();
    action.set_cluster(clusterOf(only.destination));
    applyHeaders(out, only.headers);
    if (const auto* host = hostOf(only.headers)) action.set_host_rewrite_literal(*host);
  } else {
    for (const auto* weighted : destinations) {
      auto& cluster = *action.mutable_weighted_clusters()->add_clusters();
      cluster.set_name(clusterOf(weighted->destination));  // of a missing one Envoy answers the share itself
      cluster.mutable_weight()->set_value(weighted->weight);
      applyHeaders(cluster, weighted->headers);
      if (const auto* host = hostOf(weighted->headers)) cluster.set_host_rewrite_literal(*host);
    }
  }
  if (route.missingStatus == 500) {
    action.set_cluster_not_found_response_code(RouteAction::INTERNAL_SERVER_ERROR);
  }
  if (const auto* host = hostOf(route.headers)) action.set_host_rewrite_literal(*host);
  setRewrite(view, action, route, out.match());
  setDuration(*action.mutable_timeout(), route.timeout);
  if (host.retries == nullptr || route.retries != *host.retries) {
    setRetries(action, route.retries);
    if (host.retries != nullptr) action.mutable_retry_policy();  // without one it would have the host's
  }
  setHashPolicies(view, action, host.client, route);
  for (const auto& mirror : route.mirrors) {
    if (mirror.destination.missing) continue;
    auto& policy = *action.add_request_mirror_policies();
    policy.set_cluster(clusterOf(mirror.destination));
    setPercent(*policy.mutable_runtime_fraction()->mutable_default_value(), mirror.percent);
  }
  const auto& first = destinations.front()->destination;
  out.mutable_decorator()->set_operation(first.host + ":" + std::to_string(first.port) + "/*");
}

void setRedirect(Route& out, const HttpRoute::Redirect& redirect) {
  using route_v3::RedirectAction;
  auto& action = *out.mutable_redirect();
  if (!redirect.host.empty()) action.set_host_redirect(redirect.host);
  if (!redirect.scheme.empty()) action.set_scheme_redirect(redirect.scheme);
  if (redirect.port) {
    action.set_port_redirect(*redirect.port);
  } else if (redirect.portFromScheme && !redirect.scheme.empty()) {
    action.set_port_redirect(redirect.scheme == "https" ? 443 : 80);
  }
  constexpr std::string_view kPrefix = "%PREFIX()%";
  if (!redirect.prefixRewrite.empty()) {
    action.set_prefix_rewrite(redirect.prefixRewrite);
  } else if (redirect.path.rfind(kPrefix, 0) == 0) {
    const auto path = redirect.path.substr(kPrefix.size());
    setPrefixRewrite(action, path.empty() ? "/" : path, out.match());
  } else if (!redirect.path.empty()) {
    action.set_path_redirect(redirect.path);
  }
  switch (redirect.code) {
    case 302: action.set_response_code(RedirectAction::FOUND); break;
    case 303: action.set_response_code(RedirectAction::SEE_OTHER); break;
    case 307: action.set_response_code(RedirectAction::TEMPORARY_REDIRECT); break;
    case 308: action.set_response_code(RedirectAction::PERMANENT_REDIRECT); break;
    default: action.set_response_code(RedirectAction::MOVED_PERMANENTLY);
  }
}

void setFault(Route& out, const HttpRoute::Fault& fault) {
  envoy::extensions::filters::http::fault::v3::HTTPFault config;
  if (fault.delay && fault.delay->count() > 0) {
    setDuration(*config.mutable_delay()->mutable_fixed_delay(), *fault.delay);
    setPercent(*config.mutable_delay()->mutable_percentage(), fault.delayPercent);
  }
  if (fault.abortStatus && *fault.abortStatus >= 200 && *fault.abortStatus < 600) {
    config.mutable_abort()->set_http_status(*fault.abortStatus);
    setPercent(*config.mutable_abort()->mutable_percentage(), fault.abortPercent);
  } else if (fault.abortGrpcStatus) {
    config.mutable_abort()->set_grpc_status(*fault.abortGrpcStatus);
    setPercent(*config.mutable_abort()->mutable_percentage(), fault.abortPercent);
  }
  if (config.has_delay() || config.has_abort()) {
    packAny(config, (*out.mutable_typed_per_filter_config())["envoy.filters.http.fault"]);
  }
}

void setCors(store::View& view, Route& out, const HttpRoute& route) {
  const auto& cors = *route.cors;
  envoy::extensions::filters::http::cors::v3::CorsPolicy policy;
  for (const auto& origin : cors.allowOrigins) {
    envoy::type::matcher::v3::StringMatcher matcher;
    if (setMatcher(matcher, origin)) {
      *policy.add_allow_origin_string_match() = matcher;
    } else {
      view.note({model::Note::Severity::error, route.provenance, "corsPolicy.allowOrigins",
                 "'" + origin.value + "' is not a regular expression that RE2 accepts; this origin is not allowed"});
    }
  }
  policy.set_allow_methods(join(cors.allowMethods, ","));
  policy.set_allow_headers(join(cors.allowHeaders, ","));
  policy.set_expose_headers(join(cors.exposeHeaders, ","));
  if (cors.maxAge) {
    policy.set_max_age(std::to_string(std::chrono::duration_cast<std::chrono::seconds>(*cors.maxAge).count()));
  }
  if (cors.allowCredentials) policy.mutable_allow_credentials()->set_value(*cors.allowCredentials);
  if (!cors.forwardUnmatched) policy.mutable_forward_not_matching_preflights()->set_value(false);
  auto& enabled = *policy.mutable_filter_enabled()->mutable_default_value();
  setPercent(enabled, 100);
  packAny(policy, (*out.mutable_typed_per_filter_config())["envoy.filters.http.cors"]);
}

}  // namespace

std::string routeToItself(store::View& view, const model::Client& client, const std::string& host, std::uint32_t port) {
  const auto actionWith = [](const HttpRoute::Retries& retries) {
    RouteAction out;
    out.mutable_timeout();
    setRetries(out, retries);
    return serialize(out);
  };
  static const std::string action = [&] {
    HttpRoute::Retries retries;
    retries.attempts = 2;
    return actionWith(retries);
  }();
  const auto& meshRetries = view.ask(normalize::MeshSettingsOf{}).retries;
  std::string bytes;
  bytes.reserve(512);
  MessageWriter out(bytes);
  out.message(Route::kMatchFieldNumber, [&] { out.text(route_v3::RouteMatch::kPrefixFieldNumber, "/"); });
  out.message(Route::kRouteFieldNumber, [&] {
    out.text(RouteAction::kClusterFieldNumber, clusterName(port, {}, host));
    out.append(meshRetries ? actionWith(*meshRetries) : action);
    const auto who = normalize::policyClient(view, client, host);
    if (const auto& hash = view.ask(normalize::TrafficPolicyOf{who, host, port}).policy.hash) {
      RouteAction hashing;
      addHashPolicy(hashing, *hash);
      out.append(serialize(hashing));
    }
  });
  out.message(Route::kDecoratorFieldNumber,
              [&] { out.text(route_v3::Decorator::kOperationFieldNumber, host + ":" + std::to_string(port) + "/*"); });
  out.text(Route::kNameFieldNumber, "default");
  return bytes;
}

std::vector<model::Provenance> provenanceOf(const std::vector<HttpRoute>& routes) {
  std::vector<model::Provenance> result;
  for (const auto& route : routes) {
    if (!route.provenance.kind.empty()) result.push_back(route.provenance);
  }
  return result;
}

void initRouteConfiguration(route_v3::RouteConfiguration& out, const std::string& name) {
  out.set_name(name);
  // Routes and clusters come in separate messages: a route may name a cluster that is not here yet.
  out.mutable_validate_clusters()->set_value(false);
  out.set_ignore_port_in_host_matching(true);
  out.mutable_max_direct_response_body_size_bytes()->set_value(kMaxDirectResponseBody);
}

namespace {

void addRoute(store::View& view, route_v3::VirtualHost& out, const Surroundings& host, const HttpRoute& route) {
  const bool fromUser = !route.provenance.kind.empty();
  const std::vector<model::HttpMatch> everything(1);
  for (const auto& match : route.matches.empty() ? everything : route.matches) {
    Route result;
    if (!setRouteMatch(view, result, match, route.provenance)) continue;
    if (!match.statPrefix.empty()) result.set_stat_prefix(match.statPrefix);
    result.set_name(!route.name.empty() ? route.name : fromUser ? route.provenance.toString() : "default");
    if (route.redirect) {
      setRedirect(result, *route.redirect);
    } else if (route.directResponse) {
      setDirectResponse(result, route.directResponse->status, route.directResponse->body);
    } else {
      setForward(view, result, host, route);
    }
    applyHeaders(result, route.headers);
    if (route.fault) setFault(result, *route.fault);
    if (route.cors) setCors(view, result, route);
    // Else its name says it: a route is sent to every proxy, and each of its bytes counts.
    if (fromUser && !route.name.empty()) setProvenance(*result.mutable_metadata(), route.provenance);
    *out.add_routes() = std::move(result);
  }
}

}  // namespace

void addRoutes(store::View& view, route_v3::VirtualHost& out, const model::Client& client,
               const std::vector<HttpRoute>& routes) {
  const auto* retries = sharedRetries(routes);
  if (retries != nullptr) setRetries(out, *retries);
  for (const auto& route : routes) addRoute(view, out, {client, retries}, route);
}

}  // namespace fairway::translate
