#include "translate/rate_limits.h"

#include <algorithm>

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/http/ratelimit/v3/rate_limit.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/rate_limit_descriptors/expr/v3/expr.pb.h>
#include <ratelimit/config/ratelimit/v3/rls_conf.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::extensions::filters::http::local_ratelimit::v3::LocalRateLimit;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::rate_limit_descriptors::expr::v3::Descriptor;
using GlobalRateLimit = envoy::extensions::filters::http::ratelimit::v3::RateLimit;
using model::RateLimit;
using ::ratelimit::config::ratelimit::v3::RateLimitConfig;
using Kind = model::StringMatcher::Type;
using By = RateLimit::Descriptor::Type;
using Lines = std::vector<std::string>;

namespace {

const std::string kHost = hostOf("istio-system", "ratelimit");

RateLimit limitOf(std::vector<RateLimit::Rule> rules, const std::string& name = "p") {
  RateLimit limit;
  limit.rules = std::move(rules);
  limit.maxCounters = 1000;
  limit.provenance = {"RateLimit", "default", name, ""};
  return limit;
}

RateLimit global(RateLimit limit, bool closed = false) {
  limit.service = RateLimit::Service{kHost, 8081, std::chrono::milliseconds(100), closed};
  return limit;
}

RateLimit::Rule rule(std::vector<RateLimit::Descriptor> descriptors, std::vector<RateLimit::Match> match = {}) {
  return {"r", std::move(match), std::move(descriptors), 10, RateLimit::Unit::minute, 4};
}

std::vector<RateLimit::Descriptor> everyDescriptor() {
  return {{By::path, "", {}, ""},
          {By::method, "", {}, "GET"},
          {By::header, "x-user", {}, ""},
          {By::source_principal, "", {}, "cluster.local/ns/a/sa/b"},
          {By::source_namespace, "", {}, ""},
          {By::claim, "", {"realm", "id"}, ""},
          {By::remote_address, "", {}, ""},
          {By::constant, "", {}, "all"}};
}

template <class Config>
Config filterOf(const RateLimit& limit) {
  HttpFilters filters;
  addRateLimits(filters, {limit});
  REQUIRE(filters.size() == 1);
  return unpack<Config>(filters[0].typed_config());
}

// The condition of a rule, as Envoy evaluates it.
std::string condition(const RateLimit::Match& match) {
  const auto filter = filterOf<LocalRateLimit>(limitOf({rule({}, {match})}));
  return unpack<Descriptor>(filter.rate_limits(0).actions(1).extension().typed_config()).text();
}

std::string refused(const std::vector<RateLimit>& limits) {
  World world;
  world.addService("default", "client", {port("p", 80, model::Protocol::http, "8080")});
  world.addService("istio-system", "ratelimit", {port("grpc", 8081, model::Protocol::grpc)});
  world.rateLimits = limits;
  return envoyRefuses(resourcesOf(world, sidecar()));
}

Lines filterNames(const Resources& resources) {
  const auto listener = resources.get<envoy::config::listener::v3::Listener>(Type::listener, "virtualInbound");
  for (const auto& chain : listener.filter_chains()) {
    const auto& filter = chain.filters(0);
    if (!filter.typed_config().Is<HttpConnectionManager>()) continue;
    Lines names;
    const auto manager = unpack<HttpConnectionManager>(filter.typed_config());
    for (const auto& each : manager.http_filters()) names.push_back(each.name());
    return names;
  }
  return {};
}

}  // namespace

TEST_CASE("a local limit: a bucket for each rule, found by the same entries as the actions make") {
  const auto filter = filterOf<LocalRateLimit>(limitOf({rule(everyDescriptor(), {{}}), rule({})}));
  CHECK(filter.stat_prefix() == "default/p");
  CHECK(filter.status().code() == 429);
  CHECK(filter.filter_enforced().default_value().numerator() == 100);
  CHECK(filter.max_dynamic_descriptors().value() == 1000);
  CHECK(filter.enable_x_ratelimit_headers() == envoy::extensions::common::ratelimit::v3::OFF);
  REQUIRE(filter.descriptors_size() == 2);
  REQUIRE(filter.rate_limits_size() == 2);
  const auto& entries = filter.descriptors(0).entries();
  Lines texts;
  for (const auto& entry : entries) texts.push_back(entry.key() + "=" + entry.value());
  CHECK(texts == Lines{"rule=r", "match=true", "path=", "method=GET",
                       "header.x-user=", "source.principal=spiffe://cluster.local/ns/a/sa/b",
                       "source.namespace=", "claim.realm.id=", "remote_address=", "constant=all"});
  CHECK(filter.rate_limits(0).actions_size() == entries.size());
  CHECK(filter.rate_limits(0).actions(3).request_headers().header_name() == ":method");
  const auto& claim = filter.rate_limits(0).actions(7).metadata();
  CHECK(claim.metadata_key().key() == "envoy.filters.http.jwt_authn");
  REQUIRE(claim.metadata_key().path_size() == 3);
  CHECK(claim.metadata_key().path(0).key() == "payload");
  CHECK(claim.metadata_key().path(2).key() == "id");
  const auto& bucket = filter.descriptors(0).token_bucket();
  CHECK(bucket.max_tokens() == 4);
  CHECK(bucket.tokens_per_fill().value() == 10);
  CHECK(bucket.fill_interval().seconds() == 60);
  CHECK(filter.descriptors(1).entries_size() == 1);
}

TEST_CASE("conditions of a rule are expressions in which users' texts stay texts") {
  const auto at = [](Kind kind, const std::string& text) { return model::StringMatcher{kind, text, false}; };
  CHECK(condition({at(Kind::exact, "/a'b"), {}, {}}) == R"({true: 'true'}[(request.url_path == '/a\'b')])");
  CHECK(condition({at(Kind::prefix, "/a"), at(Kind::exact, "GET"), {}}) ==
        "{true: 'true'}[(request.url_path.startsWith('/a') && request.method == 'GET')]");
  CHECK(
      condition({{}, {}, {{"x-a", at(Kind::suffix, "z"), false}, {"x-b", {}, false}}}) ==
      "{true: 'true'}[('x-a' in request.headers && request.headers['x-a'].endsWith('z') && 'x-b' in request.headers)]");
  CHECK(condition({at(Kind::regex, R"(/\d+)"), {}, {}}) ==
        R"({true: 'true'}[(request.url_path.matches('^(?:/\\d+)$'))])");
  CHECK(celText("a'] || true || ['\\\n") == R"('a\'] || true || [\'\\\x0a')");
  CHECK(celText("\xc3\xa4") == "'\xc3\xa4'");
}

TEST_CASE("a real Envoy takes every form of a limit") {
  const std::vector<model::StringMatcher> texts{{Kind::exact, "a'\"\\\x01{}[]`${x}\xc3\xa4", false},
                                                {Kind::prefix, "'", false},
                                                {Kind::suffix, "\\", false},
                                                {Kind::regex, R"(\/a'+[^"]|(?i)b)", false},
                                                {}};
  std::vector<RateLimit::Match> matches;
  for (const auto& text : texts) matches.push_back({text, text, {{"x-a", text, false}}});
  auto all = limitOf({rule(everyDescriptor(), matches), rule({})});
  all.status = 503;
  all.quotaHeaders = true;
  all.responseHeaders = {{"x-why", "busy"}};
  CHECK(refused({all, global(all), global(limitOf({rule({})}, "closed"), true)}).empty());
}

TEST_CASE("a limit that only counts, and what its answers have") {
  auto limit = limitOf({rule({})});
  limit.enforced = false;
  limit.quotaHeaders = true;
  limit.status = 503;
  limit.responseHeaders = {{"x-why", "busy"}};
  const auto filter = filterOf<LocalRateLimit>(limit);
  CHECK(filter.filter_enabled().default_value().numerator() == 100);
  CHECK(filter.filter_enforced().default_value().numerator() == 0);
  CHECK(filter.status().code() == 503);
  CHECK(filter.enable_x_ratelimit_headers() == envoy::extensions::common::ratelimit::v3::DRAFT_VERSION_03);
  CHECK(filter.response_headers_to_add(0).header().key() == "x-why");
  const auto asking = filterOf<GlobalRateLimit>(global(limit, true));
  CHECK_FALSE(asking.failure_mode_deny());
  CHECK(asking.filter_enforced().default_value().numerator() == 0);
  CHECK(asking.rate_limited_status().code() == 503);
}

TEST_CASE("a global limit asks the service, which is configured with the same entries") {
  const auto limit = global(limitOf({rule(everyDescriptor(), {{}}), rule({})}), true);
  const auto filter = filterOf<GlobalRateLimit>(limit);
  CHECK(filter.domain() == "default/p");
  CHECK(filter.failure_mode_deny());
  CHECK(filter.timeout().nanos() == 100'000'000);
  CHECK(filter.rate_limit_service().grpc_service().envoy_grpc().cluster_name() == "outbound|8081||" + kHost);
  CHECK_FALSE(filter.has_rate_limited_status());
  REQUIRE(filter.rate_limits_size() == 2);

  World world;
  world.rateLimits = {limit};
  Proxy service;
  service.type = ProxyType::rate_limit_service;
  service.ns = "istio-system";
  const auto config = resourcesOf(world, service).get<RateLimitConfig>(Type::rate_limit, "default/p");
  CHECK(config.name() == "default/p");
  CHECK(config.domain() == "default/p");
  REQUIRE(config.descriptors_size() == 2);
  Lines texts;
  const auto* at = &config.descriptors(0);
  for (; at->descriptors_size() > 0; at = &at->descriptors(0)) texts.push_back(at->key() + "=" + at->value());
  CHECK(texts.size() == 9);
  CHECK(texts[5] == "source.principal=spiffe://cluster.local/ns/a/sa/b");
  CHECK(at->key() == "constant");
  CHECK(at->rate_limit().requests_per_unit() == 10);
  CHECK(at->rate_limit().unit() == ::ratelimit::config::ratelimit::v3::MINUTE);
  CHECK(config.descriptors(1).rate_limit().requests_per_unit() == 10);

  service.ns = "default";  // it would learn of all namespaces' limits
  CHECK(resourcesOf(world, service).byType.empty());
}

TEST_CASE("limits stand behind authentication and authorization") {
  World world;
  world.addService("default", "client", {port("p", 80, model::Protocol::http, "8080")});
  auto& provider = world.tokens.providers.emplace_back();
  provider.issuer = "i";
  world.tokens.rules.push_back({{}, {0}, model::RequestAuthentication::Need::required});
  world.authorization[8080].filters.emplace_back();
  world.rateLimits = {limitOf({rule({})}, "a"), global(limitOf({rule({})}, "b"))};
  const auto resources = resourcesOf(world, sidecar());
  CHECK(filterNames(resources) == Lines{"envoy.filters.http.jwt_authn", "envoy.filters.http.rbac",
                                        "envoy.filters.http.local_ratelimit.default/a",
                                        "envoy.filters.http.ratelimit.default/b", "envoy.filters.http.router"});
  const auto& provenance = resources.byType.at(Type::listener).at("virtualInbound")->provenance;
  CHECK(std::count_if(provenance.begin(), provenance.end(),
                      [](const auto& each) { return each.kind == "RateLimit"; }) == 2);
}

TEST_CASE("where limits count by path, paths are made canonical first") {
  CHECK_FALSE(looksAtPath({limitOf({rule({{By::method, "", {}, ""}}, {{}})})}));
  CHECK(looksAtPath({limitOf({rule({{By::path, "", {}, ""}})})}));
  CHECK(looksAtPath({limitOf({rule({}, {{model::StringMatcher{Kind::prefix, "/a", false}, {}, {}}})})}));
}

TEST_CASE("a gateway has the service's cluster where its limits ask it") {
  World world;
  world.addService("istio-system", "ratelimit", {port("grpc", 8081, model::Protocol::grpc)});
  const auto name = "outbound|8081||" + kHost;
  CHECK_FALSE(resourcesOf(world, gatewayProxy()).has(Type::cluster, name));
  world.rateLimits = {global(limitOf({rule({})}))};
  CHECK(resourcesOf(world, gatewayProxy()).has(Type::cluster, name));
}
