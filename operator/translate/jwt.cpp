#include "translate/jwt.h"

#include <algorithm>

#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/extensions/access_loggers/filters/cel/v3/cel.pb.h>
#include <envoy/extensions/filters/http/jwt_authn/v3/config.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>

#include "translate/any.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace jwt = envoy::extensions::filters::http::jwt_authn::v3;
namespace hcm = envoy::extensions::filters::network::http_connection_manager::v3;
using envoy::config::route::v3::RouteMatch;
using model::RequestAuthentication;
using Need = RequestAuthentication::Need;
using Match = model::StringMatcher::Type;

namespace {

constexpr std::string_view kFilter = "envoy.filters.http.jwt_authn";
constexpr const char* kPayload = "payload";
// No cluster has this name.
constexpr const char* kNoKeys = "no-keys";
constexpr std::uint32_t kUnauthorized = 401;

std::string providerName(std::size_t index) { return "origins-" + std::to_string(index); }

void setProvider(jwt::JwtProvider& out, const model::JwtProvider& from, bool routesByClaims) {
  out.set_issuer(from.issuer);
  for (const auto& audience : from.audiences) out.add_audiences(audience);
  if (from.jwks.empty()) {
    // Envoy takes no empty key set, and a key that stands in could be somebody's. Keys that can never be fetched refuse
    // every token.
    auto& uri = *out.mutable_remote_jwks()->mutable_http_uri();
    uri.set_uri("http://no-keys.invalid/");
    uri.set_cluster(kNoKeys);
    uri.mutable_timeout()->set_seconds(1);
  } else {
    out.mutable_local_jwks()->set_inline_string(from.jwks);
  }
  for (const auto& header : from.fromHeaders) {
    auto& to = *out.add_from_headers();
    to.set_name(header.name);
    to.set_value_prefix(header.prefix);
  }
  for (const auto& name : from.fromParams) out.add_from_params(name);
  for (const auto& name : from.fromCookies) out.add_from_cookies(name);
  out.set_forward(from.forward);
  out.set_forward_payload_header(from.payloadHeader);
  out.set_payload_in_metadata(kPayload);
  for (const auto& claim : from.spaceDelimitedClaims) {
    out.mutable_normalize_payload_in_metadata()->add_space_delimited_claims(claim);
  }
  for (const auto& claim : from.claimHeaders) {
    auto& to = *out.add_claim_to_headers();
    to.set_header_name(claim.header);
    to.set_claim_name(claim.claim);
  }
  out.set_clear_route_cache(routesByClaims);
}

// What is native to a match sees the path without its query; matchers of the header see both.
void setPath(RouteMatch& out, const model::StringMatcher& path) {
  switch (path.type) {
    case Match::exact: out.set_path(path.value); break;
    case Match::prefix: out.set_prefix(path.value); break;
    case Match::suffix: setRegex(*out.mutable_safe_regex(), ".*" + quoteRegex(path.value)); break;
    case Match::regex: setRegex(*out.mutable_safe_regex(), path.value); break;
    case Match::present: out.set_prefix("/"); break;
  }
}

void setHeaderPath(RouteMatch& out, const model::StringMatcher& path) {
  auto& header = *out.add_headers();
  header.set_name(":path");
  auto& text = *header.mutable_string_match();
  switch (path.type) {
    case Match::exact: setRegex(*text.mutable_safe_regex(), quoteRegex(path.value) + "(?:\\?.*)?"); break;
    case Match::suffix: setRegex(*text.mutable_safe_regex(), "[^?]*" + quoteRegex(path.value) + "(?:\\?.*)?"); break;
    // A path with a '?' in it matches nothing that comes before the query.
    case Match::prefix:
      if (path.value.find('?') == std::string::npos) {
        text.set_prefix(path.value);
      } else {
        text.set_exact("");
      }
      break;
    case Match::regex:
    case Match::present: break;  // at most one, and that is the native one
  }
}

void setMatch(RouteMatch& out, const std::vector<model::StringMatcher>& paths) {
  if (paths.empty()) return out.set_prefix("/");
  // A regular expression can only be the native one: as a header's it would reach into the query.
  auto native = std::find_if(paths.begin(), paths.end(), [](const auto& path) { return path.type == Match::regex; });
  if (native == paths.end()) native = paths.begin();
  setPath(out, *native);
  for (auto path = paths.begin(); path != paths.end(); ++path) {
    if (path != native) setHeaderPath(out, *path);
  }
}

void setRequirement(jwt::JwtRequirement& out, const RequestAuthentication::Rule& rule) {
  const auto ifPresent = [](jwt::JwtRequirement& to, std::size_t provider) {
    auto& any = *to.mutable_requires_any();
    any.add_requirements()->set_provider_name(providerName(provider));
    any.add_requirements()->mutable_allow_missing();
  };
  if (rule.providers.size() == 1 && rule.need == Need::valid_if_present) return ifPresent(out, rule.providers.front());
  if (rule.providers.size() == 1 && rule.need == Need::required) {
    return out.set_provider_name(providerName(rule.providers.front()));
  }
  auto& any = *out.mutable_requires_any();
  for (const auto provider : rule.providers) any.add_requirements()->set_provider_name(providerName(provider));
  if (rule.need == Need::optional) any.add_requirements()->mutable_allow_missing_or_failed();
  if (rule.need == Need::valid_if_present) {
    // Each token that is there must be valid; where issuers share a place, the first alternatives take it.
    auto& all = *any.add_requirements()->mutable_requires_all();
    for (const auto provider : rule.providers) ifPresent(*all.add_requirements(), provider);
  }
}

// Whatever is wrong with a token: Envoy itself says 403 of a wrong audience.
void setRefusalText(hcm::HttpConnectionManager& manager, const std::string& text) {
  auto& mapper = *manager.mutable_local_reply_config()->add_mappers();
  envoy::extensions::access_loggers::filters::cel::v3::ExpressionFilter refused;
  refused.set_expression("response.code_details.startsWith('jwt_authn_access_denied')");
  auto& filter = *mapper.mutable_filter()->mutable_extension_filter();
  filter.set_name("envoy.access_loggers.extension_filters.cel");
  packAny(refused, *filter.mutable_typed_config());
  mapper.mutable_status_code()->set_value(kUnauthorized);
  mapper.mutable_body()->set_inline_string(text);
}

}  // namespace

void addRequestAuthentication(hcm::HttpConnectionManager& manager, const RequestAuthentication& authentication,
                              bool routesByClaims) {
  if (authentication.rules.empty()) return;
  jwt::JwtAuthentication config;
  for (std::size_t i = 0; i < authentication.providers.size(); ++i) {
    setProvider((*config.mutable_providers())[providerName(i)], authentication.providers[i], routesByClaims);
  }
  for (const auto& rule : authentication.rules) {
    auto& to = *config.add_rules();
    setMatch(*to.mutable_match(), rule.paths);
    if (!rule.providers.empty()) setRequirement(*to.mutable_requires_(), rule);
  }
  config.set_bypass_cors_preflight(true);
  setFilter(*manager.add_http_filters(), kFilter, config);
  if (!authentication.refusalText.empty()) setRefusalText(manager, authentication.refusalText);
}

bool looksAtPath(const RequestAuthentication& authentication) {
  return std::any_of(authentication.rules.begin(), authentication.rules.end(),
                     [](const auto& rule) { return !rule.paths.empty(); });
}

}  // namespace fairway::translate
