#include "translate/jwt.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/http/ext_authz/v3/ext_authz.pb.h>
#include <envoy/extensions/filters/http/jwt_authn/v3/config.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "translate/rbac.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::extensions::filters::http::jwt_authn::v3::JwtAuthentication;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using model::RequestAuthentication;
using Need = RequestAuthentication::Need;
using Kind = model::StringMatcher::Type;

namespace {

const std::string kKeys =
    R"({"keys":[{"kty":"oct","kid":"a","alg":"HS256","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]})";

RequestAuthentication tokens(std::size_t providers, Need need, std::vector<model::StringMatcher> paths = {}) {
  RequestAuthentication result;
  RequestAuthentication::Rule rule{std::move(paths), {}, need};
  for (std::size_t i = 0; i < providers; ++i) {
    result.providers.emplace_back().issuer = "issuer-" + std::to_string(i);
    result.providers[i].jwks = kKeys;
    rule.providers.push_back(i);
  }
  result.rules.push_back(rule);
  return result;
}

HttpConnectionManager managerOf(const RequestAuthentication& authentication) {
  HttpConnectionManager manager;
  addRequestAuthentication(manager, authentication, false);
  return manager;
}

JwtAuthentication filterOf(const RequestAuthentication& authentication) {
  const auto manager = managerOf(authentication);
  REQUIRE(manager.http_filters_size() == 1);
  return unpack<JwtAuthentication>(manager.http_filters(0).typed_config());
}

std::string refused(const RequestAuthentication& authentication, const model::Authorization& authorization = {}) {
  World world;
  world.addService("default", "client", {port("p", 80, model::Protocol::http, "8080")});
  world.tokens = authentication;
  world.authorization[8080] = authorization;
  return envoyRefuses(resourcesOf(world, sidecar()));
}

}  // namespace

TEST_CASE("a token that is there must be valid") {
  const auto one = filterOf(tokens(1, Need::valid_if_present)).rules(0).requires_().requires_any();
  REQUIRE(one.requirements_size() == 2);
  CHECK(one.requirements(0).provider_name() == "origins-0");
  CHECK(one.requirements(1).has_allow_missing());
}

TEST_CASE("of several issuers each place is looked at by itself, so that no token passes that nobody looked at") {
  auto several = tokens(3, Need::valid_if_present);
  several.providers[1].fromHeaders = {{"authorization", "Bearer "}, {"x-jwt", ""}};
  several.providers[2].fromCookies = {"session"};
  const auto filter = filterOf(several);
  const auto& places = filter.rules(0).requires_().requires_all();
  REQUIRE(places.requirements_size() == 4);  // authorization, access_token, x-jwt, session
  const auto& shared = places.requirements(0).requires_any();
  REQUIRE(shared.requirements_size() == 3);
  CHECK(shared.requirements(0).provider_name() == "origins-0-0");
  CHECK(shared.requirements(1).provider_name() == "origins-1-0");
  CHECK(shared.requirements(2).has_allow_missing());
  CHECK(places.requirements(1).requires_any().requirements(0).provider_name() == "origins-0-1");
  CHECK(places.requirements(3).requires_any().requirements_size() == 2);
  CHECK(filter.providers_size() == 5);
  const auto& parameter = filter.providers().at("origins-0-1");
  CHECK(parameter.issuer() == "issuer-0");
  CHECK(parameter.from_headers().empty());
  CHECK(parameter.from_params(0) == "access_token");
  CHECK(filter.providers().at("origins-1-2").from_headers(0).name() == "x-jwt");
  CHECK(filter.providers().at("origins-2-3").from_cookies(0) == "session");
  CHECK(refused(several).empty());

  auto one = tokens(2, Need::valid_if_present);
  for (auto& provider : one.providers) provider.fromParams = {"token"};
  const auto any = filterOf(one).rules(0).requires_().requires_any();
  REQUIRE(any.requirements_size() == 3);
  CHECK(any.requirements(1).provider_name() == "origins-1-0");
}

TEST_CASE("required and optional tokens") {
  const auto required = filterOf(tokens(2, Need::required)).rules(0).requires_().requires_any();
  REQUIRE(required.requirements_size() == 2);
  const auto optional = filterOf(tokens(2, Need::optional)).rules(0).requires_().requires_any();
  REQUIRE(optional.requirements_size() == 3);
  CHECK(optional.requirements(2).has_allow_missing_or_failed());
}

TEST_CASE("no rule, no filter; a rule without issuers asks for nothing") {
  CHECK(managerOf({}).http_filters_size() == 0);
  auto some = tokens(1, Need::required);
  some.rules.insert(some.rules.begin(), {{{Kind::exact, "/health", false}}, {}, Need::required});
  const auto filter = filterOf(some);
  REQUIRE(filter.rules_size() == 2);
  CHECK(filter.rules(0).match().path() == "/health");
  CHECK_FALSE(filter.rules(0).has_requires_());
  CHECK(filter.rules(1).match().prefix() == "/");
  CHECK(looksAtPath(some));
  CHECK_FALSE(looksAtPath(tokens(1, Need::required)));
}

TEST_CASE("without keys no token passes, and there is no other key") {
  auto none = tokens(1, Need::required);
  none.providers[0].jwks.clear();
  const auto provider = filterOf(none).providers().at("origins-0");
  CHECK_FALSE(provider.has_local_jwks());
  CHECK(provider.remote_jwks().http_uri().cluster() == "no-keys");
  CHECK(refused(none).empty());
}

TEST_CASE("the refusal's text is of the tokens' refusals alone") {
  auto old = tokens(1, Need::required);
  CHECK_FALSE(managerOf(old).has_local_reply_config());
  old.refusalText = "Origin authentication failed.";
  const auto manager = managerOf(old);
  REQUIRE(manager.local_reply_config().mappers_size() == 1);
  const auto& mapper = manager.local_reply_config().mappers(0);
  CHECK(mapper.body().inline_string() == old.refusalText);
  CHECK(mapper.status_code().value() == 401);
  CHECK(mapper.filter().extension_filter().name() == "envoy.access_loggers.extension_filters.cel");
  CHECK(refused(old).empty());
}

TEST_CASE("Envoy takes every kind of key that counts as usable") {
  for (
      const auto* key :
      {R"({"kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})",
       R"({"kty":"OKP","crv":"Ed25519","alg":"EdDSA","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})",
       R"({"kty":"RSA","alg":"PS256","e":"AQAB","n":"3AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"})"}) {
    auto policy = tokens(1, Need::required);
    policy.providers[0].jwks = std::string(R"({"keys":[)") + key + "]}";
    CHECK(refused(policy).empty());
  }
}

TEST_CASE("Envoy takes every form of it") {
  auto all = tokens(2, Need::valid_if_present);
  auto& provider = all.providers[0];
  provider.audiences = {"a"};
  provider.fromHeaders = {{"x-token", "Token "}};
  provider.fromParams = {"token"};
  provider.fromCookies = {"session"};
  provider.forward = true;
  provider.payloadHeader = "x-claims";
  provider.claimHeaders = {{"x-sub", "sub"}};
  provider.spaceDelimitedClaims = {"scope"};
  CHECK(refused(all).empty());
  const std::vector<model::StringMatcher> kinds{{Kind::exact, "/a.b", false},
                                                {Kind::prefix, "/a", false},
                                                {Kind::suffix, ".jpg", false},
                                                {Kind::regex, "/a+", false}};
  for (const auto& first : kinds) {
    CHECK(refused(tokens(1, Need::required, {first})).empty());
    for (const auto& second : kinds) {
      if (first.type == Kind::regex && second.type == Kind::regex) continue;
      CHECK(refused(tokens(1, Need::optional, {first, second})).empty());
    }
  }
}

TEST_CASE("who asks others asks where the shadow rules match, and nowhere else") {
  model::Authorization authorization;
  auto& filter = authorization.filters.emplace_back();
  filter.action = model::AuthorizationFilter::Action::external;
  filter.rules = {{"r", model::Condition::textual(model::Condition::Op::path, {Kind::prefix, "/a", false}), {}, {}}};
  auto& authorizer = filter.authorizer.emplace();
  authorizer.name = "opa";
  authorizer.host = "opa.a.svc.cluster.local";
  authorizer.port = 9191;
  authorizer.timeout = std::chrono::seconds(1);
  authorizer.headersInCheck = {{Kind::prefix, "x-", true}};
  authorizer.headersToUpstream = {{Kind::exact, "x-user", true}};
  authorizer.headersToClientOnDeny = {{Kind::exact, "x-why", true}};
  authorizer.headersToClientOnAllow = {{Kind::suffix, "-ok", true}};
  authorizer.additionalHeaders = {{"x-from", "mesh"}};
  authorizer.maxBodyBytes = 1000;
  for (const bool grpc : {false, true}) {
    authorizer.grpc = grpc;
    HttpFilters filters;
    addHttpAuthorization(filters, authorization);
    REQUIRE(filters.size() == 2);
    const auto rbac = unpack<envoy::extensions::filters::http::rbac::v3::RBAC>(filters[0].typed_config());
    CHECK_FALSE(rbac.has_rules());
    CHECK(rbac.shadow_rules().policies().contains("r"));
    CHECK(rbac.shadow_rules_stat_prefix() == "istio_ext_authz_opa_");
    const auto asks = unpack<envoy::extensions::filters::http::ext_authz::v3::ExtAuthz>(filters[1].typed_config());
    CHECK(asks.has_grpc_service() == grpc);
    CHECK_FALSE(asks.failure_mode_allow());
    CHECK(asks.status_on_error().code() == 403);
    CHECK(asks.filter_enabled_metadata().path(0).key() == "istio_ext_authz_opa_shadow_engine_result");
    CHECK(asks.filter_enabled_metadata().value().string_match().exact() == "denied");
    CHECK(refused({}, authorization).empty());
  }
  World tcp;
  tcp.addService("default", "client", {port("p", 80, model::Protocol::tcp, "8080")});
  tcp.authorization[8080] = authorization;
  CHECK(envoyRefuses(resourcesOf(tcp, sidecar())).empty());

  // Who knows requests alone cannot be asked about bytes, even if not to be asked would let pass.
  authorizer.grpc = false;
  authorizer.failOpen = true;
  envoy::config::listener::v3::FilterChain chain;
  addTcpAuthorization(chain, authorization);
  REQUIRE(chain.filters_size() == 1);
  const auto nobody = unpack<envoy::extensions::filters::network::rbac::v3::RBAC>(chain.filters(0).typed_config());
  CHECK(nobody.has_rules());
  CHECK(nobody.rules().policies().empty());
}
