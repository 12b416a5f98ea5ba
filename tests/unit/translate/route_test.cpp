#include "translate/route.h"

#include <envoy/config/route/v3/route.pb.h>
#include <envoy/extensions/filters/http/cors/v3/cors.pb.h>
#include <envoy/extensions/filters/http/fault/v3/fault.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::core::v3::HeaderValueOption;
using envoy::config::route::v3::Route;
using envoy::config::route::v3::VirtualHost;
using model::HttpMatch;
using model::HttpRoute;
using model::StringMatcher;
using Kind = StringMatcher::Type;
using std::chrono::seconds;

namespace {

const std::string kHost = hostOf("default", "reviews");

HttpRoute::Weighted to(const std::string& subset = {}, std::uint32_t weight = 100) {
  HttpRoute::Weighted weighted;
  weighted.destination = {kHost, 80, subset, false};
  weighted.weight = weight;
  return weighted;
}

HttpRoute simple() {
  HttpRoute route;
  route.destinations = {to()};
  route.provenance = {"VirtualService", "default", "reviews", "http[0]"};
  return route;
}

HttpMatch onPath(Kind type, const std::string& value, bool ignoreCase = false) {
  HttpMatch match;
  match.uri = StringMatcher{type, value, ignoreCase};
  return match;
}

struct Translated {
  Resources resources;
  VirtualHost host;
};

// What Envoy gets for these routes, after it has accepted them.
Translated translated(std::vector<HttpRoute> routes, const model::PortTrafficPolicy& policy = {}) {
  World world;
  world.addService("default", "reviews", {port("http", 80, model::Protocol::http)});
  world.policies[{kHost, 80}] = policy;
  world.routes[{kHost, 80}] = {true, std::move(routes), {}, {}};
  Translated result{resourcesOf(world, sidecar()), {}};
  const auto refusal = envoyRefuses(result.resources);
  CHECK(refusal == "");
  result.host = result.resources.get<VirtualHost>(Type::virtual_host, "80/" + kHost + ":80");
  return result;
}

Route only(const HttpRoute& route) {
  const auto result = translated({route});
  REQUIRE(result.host.routes_size() == 1);
  return result.host.routes(0);
}

}  // namespace

TEST_CASE("each match is a route, in order, with the name of its object") {
  auto route = simple();
  route.matches = {onPath(Kind::exact, "/a"),        onPath(Kind::prefix, "/b"),      onPath(Kind::regex, "/c/[0-9]+"),
                   onPath(Kind::prefix, "/D", true), onPath(Kind::regex, "/E", true), onPath(Kind::suffix, ".js")};
  const auto host = translated({route}).host;
  REQUIRE(host.routes_size() == 6);
  CHECK(host.routes(0).match().path() == "/a");
  CHECK(host.routes(1).match().prefix() == "/b");
  CHECK(host.routes(2).match().safe_regex().regex() == "/c/[0-9]+");
  CHECK_FALSE(host.routes(3).match().case_sensitive().value());
  CHECK(host.routes(4).match().safe_regex().regex() == "(?i)/E");
  CHECK(host.routes(5).match().safe_regex().regex() == ".*\\.js");
  CHECK(host.routes(0).name() == "VirtualService/default/reviews http[0]");
  CHECK_FALSE(host.routes(0).has_metadata());  // it would say the same again

  route.name = "by-path";
  const auto named = translated({route}).host.routes(0);
  CHECK(named.name() == "by-path");
  CHECK(named.metadata().filter_metadata().at("fairway").fields().at("provenance").string_value() ==
        "VirtualService/default/reviews http[0]");
}

TEST_CASE("headers, method, authority, scheme and query parameters match as such") {
  auto route = simple();
  HttpMatch match;
  match.method = StringMatcher{Kind::exact, "GET", false};
  match.authority = StringMatcher{Kind::prefix, "Reviews", false};
  match.scheme = StringMatcher{Kind::exact, "http", false};
  match.headers = {{"X-User", {Kind::exact, "jason", false}, false},
                   {"x-any", {Kind::present, "", false}, false},
                   {"x-not", {Kind::regex, "a|b", false}, true}};
  match.queryParams = {{"q", {Kind::regex, "[0-9]+", false}, false}, {"p", {Kind::present, "", false}, false}};
  route.matches = {match};
  const auto result = only(route).match();
  CHECK(result.prefix() == "/");
  REQUIRE(result.headers_size() == 6);
  CHECK(result.headers(0).name() == ":scheme");
  CHECK(result.headers(1).string_match().exact() == "GET");
  CHECK(result.headers(2).string_match().ignore_case());  // hosts have no case
  CHECK(result.headers(3).name() == "x-user");
  CHECK(result.headers(4).present_match());
  CHECK(result.headers(5).invert_match());
  CHECK(result.query_parameters_size() == 2);
}

TEST_CASE("istio#36021: a pattern that Envoy would refuse costs its own match only") {
  auto route = simple();
  route.matches = {onPath(Kind::regex, "/(unclosed"), onPath(Kind::exact, "/good")};
  auto inverted = HttpMatch{};
  inverted.queryParams = {{"q", {Kind::present, "", false}, true}};
  route.matches.push_back(inverted);
  const auto result = translated({route});
  REQUIRE(result.host.routes_size() == 1);
  CHECK(result.host.routes(0).match().path() == "/good");
  CHECK(result.resources.noted("VirtualService/default/reviews", "RE2"));
  CHECK(result.resources.noted("VirtualService/default/reviews", "absence of a query parameter"));
}

TEST_CASE("weights are shares; those of 0 are left out") {
  auto route = simple();
  route.destinations = {to("v1", 75), to("v2", 25), to("v3", 0)};
  route.destinations[1].headers.requestSet = {{"x-version", "v2"}, {"host", "v2.example.com"}};
  const auto action = only(route).route();
  REQUIRE(action.weighted_clusters().clusters_size() == 2);
  CHECK(action.weighted_clusters().clusters(0).name() == "outbound|80|v1|" + kHost);
  CHECK(action.weighted_clusters().clusters(0).weight().value() == 75);
  CHECK(action.weighted_clusters().clusters(1).request_headers_to_add_size() == 1);
  CHECK(action.weighted_clusters().clusters(1).host_rewrite_literal() == "v2.example.com");
}

TEST_CASE("a destination that does not exist is answered with 503 and its name") {
  auto route = simple();
  route.destinations = {to()};
  route.destinations[0].destination = {"gone.default.svc.cluster.local", 81, "v9", true};
  const auto result = only(route);
  CHECK(result.direct_response().status() == 503);
  CHECK(result.direct_response().body().inline_string().find("gone.default.svc.cluster.local:81") != std::string::npos);
  route.destinations.clear();
  CHECK(only(route).direct_response().status() == 503);
  // One of several: its share fails, the others go on.
  route.destinations = {to("", 50), to("", 50)};
  route.destinations[1].destination.missing = true;
  CHECK(only(route).route().weighted_clusters().clusters_size() == 2);
}

TEST_CASE("rewrites of the path replace what was matched") {
  auto route = simple();
  const auto rewrite = [&](const HttpMatch& match, const std::string& path) {
    route.matches = {match};
    route.rewritePath = path;
    return only(route).route();
  };
  CHECK(rewrite(onPath(Kind::prefix, "/api"), "/v2").prefix_rewrite() == "/v2");
  CHECK(rewrite(onPath(Kind::exact, "/a"), "/b").prefix_rewrite() == "/b");
  CHECK(rewrite(HttpMatch{}, "/v2").prefix_rewrite() == "/v2/");
  CHECK(rewrite(HttpMatch{}, "/").prefix_rewrite() == "/");
  const auto toRoot = rewrite(onPath(Kind::prefix, "/a.b"), "/").regex_rewrite();
  CHECK(toRoot.pattern().regex() == "^\\/a\\.b/*");
  CHECK(toRoot.substitution() == "/");
}

TEST_CASE("rewrites of the host and by regular expression") {
  auto route = simple();
  route.rewriteHost = "other.example.com";
  route.rewriteRegex = "^/user/([0-9]+)$";
  route.rewriteSubstitution = "/id/\\1";
  const auto action = only(route).route();
  CHECK(action.host_rewrite_literal() == "other.example.com");
  CHECK(action.regex_rewrite().substitution() == "/id/\\1");
  route.rewriteSubstitution = "/id/\\2";  // there is no second group
  const auto result = translated({route});
  CHECK_FALSE(result.host.routes(0).route().has_regex_rewrite());
  CHECK(result.resources.noted("VirtualService/default/reviews", "rewrite"));
}

TEST_CASE("redirects") {
  auto route = simple();
  HttpRoute::Redirect redirect;
  redirect.path = "/new";
  redirect.host = "new.example.com";
  redirect.scheme = "https";
  redirect.portFromScheme = true;
  redirect.code = 308;
  route.redirect = redirect;
  auto action = only(route).redirect();
  CHECK(action.path_redirect() == "/new");
  CHECK(action.host_redirect() == "new.example.com");
  CHECK(action.port_redirect() == 443);
  CHECK(action.response_code() == envoy::config::route::v3::RedirectAction::PERMANENT_REDIRECT);
  route.redirect->path = "%PREFIX()%/x";
  route.redirect->code = 301;
  action = only(route).redirect();
  CHECK(action.prefix_rewrite() == "/x/");
  CHECK(action.response_code() == envoy::config::route::v3::RedirectAction::MOVED_PERMANENTLY);
}

TEST_CASE("direct responses stay within what Envoy takes") {
  auto route = simple();
  route.directResponse = HttpRoute::DirectResponse{418, std::string(5000, 'x')};
  CHECK(only(route).direct_response().status() == 418);
  CHECK(only(route).direct_response().body().inline_string().size() == 4096);
  route.directResponse = HttpRoute::DirectResponse{99, ""};
  CHECK(only(route).direct_response().status() == 500);
}

TEST_CASE("timeouts and retries") {
  auto route = simple();
  route.timeout = seconds(5);
  route.retries.attempts = 3;
  route.retries.on = "5xx,retriable-status-codes";
  route.retries.statusCodes = {502, 504};
  route.retries.perTryTimeout = seconds(1);
  route.retries.backoff = std::chrono::milliseconds(20);
  const auto action = only(route).route();
  CHECK(action.timeout().seconds() == 5);
  CHECK(action.retry_policy().num_retries().value() == 3);
  CHECK(action.retry_policy().retriable_status_codes_size() == 2);
  CHECK(action.retry_policy().per_try_timeout().seconds() == 1);
  CHECK(action.retry_policy().retry_back_off().base_interval().nanos() == 20000000);
  CHECK(action.retry_policy().retry_host_predicate_size() == 1);
  CHECK_FALSE(action.retry_policy().has_retry_priority());
  route.retries.otherLocalities = route.retries.samePreviousHosts = true;
  const auto anywhere = only(route).route().retry_policy();
  CHECK(anywhere.retry_priority().name() == "envoy.retry_priorities.previous_priorities");
  CHECK(anywhere.retry_host_predicate().empty());
  route.retries = {};
  route.timeout = {};
  CHECK_FALSE(only(route).route().has_retry_policy());
  CHECK(only(route).route().timeout().seconds() == 0);  // none, not Envoy's default of 15 s
  CHECK(only(route).route().has_timeout());
}

TEST_CASE("retries that several routes have are the virtual host's; another route's are its own") {
  auto twice = simple();
  twice.retries.attempts = 2;
  auto elsewhere = twice, once = twice, never = twice, away = twice;
  elsewhere.matches = {onPath(Kind::prefix, "/a"), onPath(Kind::prefix, "/b")};
  once.matches = {onPath(Kind::prefix, "/once")};
  once.retries.attempts = 1;
  never.matches = {onPath(Kind::prefix, "/never")};
  never.retries = {};
  away.matches = {onPath(Kind::prefix, "/away")};
  away.redirect.emplace().path = "/";
  const auto host = translated({elsewhere, once, never, away, twice}).host;
  CHECK(host.retry_policy().num_retries().value() == 2);
  REQUIRE(host.routes_size() == 6);
  for (const int shared : {0, 1, 5}) CHECK_FALSE(host.routes(shared).route().has_retry_policy());
  CHECK(host.routes(2).route().retry_policy().num_retries().value() == 1);
  CHECK(host.routes(3).route().has_retry_policy());
  CHECK(host.routes(3).route().retry_policy().retry_on().empty());
  CHECK(host.routes(4).has_redirect());

  const auto single = translated({once, never, twice}).host;
  CHECK_FALSE(single.has_retry_policy());
  CHECK(single.routes(0).route().retry_policy().num_retries().value() == 1);
  CHECK_FALSE(single.routes(1).route().has_retry_policy());
  CHECK(single.routes(2).route().retry_policy().num_retries().value() == 2);
}

TEST_CASE("statistics of a match, redirects of a prefix, preflights that are kept") {
  using envoy::extensions::filters::http::cors::v3::CorsPolicy;
  auto route = simple();
  route.matches = {onPath(Kind::prefix, "/a"), onPath(Kind::prefix, "/b")};
  route.matches[0].statPrefix = "a";
  route.cors.emplace().forwardUnmatched = false;
  const auto both = translated({route}).host;
  REQUIRE(both.routes_size() == 2);
  CHECK(both.routes(0).stat_prefix() == "a");
  CHECK(both.routes(1).stat_prefix().empty());
  const auto cors = unpack<CorsPolicy>(both.routes(0).typed_per_filter_config().at("envoy.filters.http.cors"));
  CHECK(cors.has_forward_not_matching_preflights());
  CHECK_FALSE(cors.forward_not_matching_preflights().value());
  route = simple();
  route.destinations.clear();
  route.matches = {onPath(Kind::prefix, "/old")};
  route.redirect.emplace().prefixRewrite = "/new";
  CHECK(only(route).redirect().prefix_rewrite() == "/new");
}

TEST_CASE("faults") {
  auto route = simple();
  HttpRoute::Fault fault;
  fault.delay = seconds(2);
  fault.delayPercent = 0.5;
  fault.abortStatus = 400;
  fault.abortPercent = 100;
  route.fault = fault;
  using envoy::extensions::filters::http::fault::v3::HTTPFault;
  auto config = unpack<HTTPFault>(only(route).typed_per_filter_config().at("envoy.filters.http.fault"));
  CHECK(config.delay().fixed_delay().seconds() == 2);
  CHECK(config.delay().percentage().numerator() == 5000);
  CHECK(config.abort().http_status() == 400);
  route.fault->abortStatus.reset();
  route.fault->abortGrpcStatus = 14;
  config = unpack<HTTPFault>(only(route).typed_per_filter_config().at("envoy.filters.http.fault"));
  CHECK(config.abort().grpc_status() == 14);
}

TEST_CASE("cross-origin rules") {
  auto route = simple();
  HttpRoute::Cors cors;
  cors.allowOrigins = {{Kind::exact, "https://a.example.com", false},
                       {Kind::regex, "https://.*\\.example\\.com", false},
                       {Kind::regex, "(", false}};
  cors.allowMethods = {"GET", "PUT"};
  cors.allowHeaders = {"x-a"};
  cors.maxAge = seconds(86400);
  cors.allowCredentials = false;
  route.cors = cors;
  const auto result = translated({route});
  using envoy::extensions::filters::http::cors::v3::CorsPolicy;
  const auto policy = unpack<CorsPolicy>(result.host.routes(0).typed_per_filter_config().at("envoy.filters.http.cors"));
  CHECK(policy.allow_origin_string_match_size() == 2);
  CHECK(policy.allow_methods() == "GET,PUT");
  CHECK(policy.max_age() == "86400");
  CHECK(policy.has_allow_credentials());
  CHECK(result.resources.noted("VirtualService/default/reviews", "origin"));
}

TEST_CASE("mirrors and header operations") {
  auto route = simple();
  route.mirrors = {{{kHost, 80, "v2", false}, 12.5}, {{"gone", 0, "", true}, 100}};
  route.headers.requestSet = {{"x-set", "1"}, {":path", "/no"}, {"Host", "h.example.com"}};
  route.headers.requestAdd = {{"x-add", "100%"}};
  route.headers.requestRemove = {"x-gone", "host"};
  route.headers.responseAdd = {{"x-client", "%DOWNSTREAM_REMOTE_ADDRESS%"}};
  route.headers.responseRemove = {"server"};
  const auto result = only(route);
  REQUIRE(result.route().request_mirror_policies_size() == 1);
  CHECK(result.route().request_mirror_policies(0).runtime_fraction().default_value().numerator() == 125000);
  REQUIRE(result.request_headers_to_add_size() == 2);
  CHECK(result.request_headers_to_add(0).append_action() == HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
  CHECK(result.request_headers_to_add(1).append_action() == HeaderValueOption::APPEND_IF_EXISTS_OR_ADD);
  CHECK(result.request_headers_to_add(1).header().value() == "100%%");
  CHECK(result.request_headers_to_remove_size() == 1);
  CHECK(result.route().host_rewrite_literal() == "h.example.com");
  CHECK(result.response_headers_to_add(0).header().value() == "%DOWNSTREAM_REMOTE_ADDRESS%");
}

TEST_CASE("a DestinationRule's consistent hash becomes the route's hash policy") {
  model::PortTrafficPolicy policy;
  model::TrafficPolicy::HashPolicy hash;
  hash.cookie = "user";
  hash.cookiePath = "/";
  hash.cookieTtl = seconds(0);
  policy.policy.hash = hash;
  hash = {};
  hash.header = "x-user";
  policy.subsets = {{"v1", {}, {}}};
  policy.subsets[0].policy.hash = hash;
  auto route = simple();
  auto action = translated({route}, policy).host.routes(0).route();
  REQUIRE(action.hash_policy_size() == 1);
  CHECK(action.hash_policy(0).cookie().name() == "user");
  route.destinations = {to("v1")};
  action = translated({route}, policy).host.routes(0).route();
  CHECK(action.hash_policy(0).header().header_name() == "x-user");
  policy.subsets[0].policy.hash->header.clear();
  policy.subsets[0].policy.hash->queryParameter = "u";
  CHECK(translated({route}, policy).host.routes(0).route().hash_policy(0).query_parameter().name() == "u");
  policy.subsets[0].policy.hash->queryParameter.clear();
  policy.subsets[0].policy.hash->sourceIp = true;
  CHECK(translated({route}, policy).host.routes(0).route().hash_policy(0).connection_properties().source_ip());
}
