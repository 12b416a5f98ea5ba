#include "translate/jwt.h"

#include <algorithm>
#include <optional>

#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/extensions/access_loggers/filters/cel/v3/cel.pb.h>
#include <envoy/extensions/filters/http/jwt_authn/v3/config.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>

#include "base/strings.h"
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

// Where one token may be: a header, a query parameter or a cookie.
struct Place {
  std::optional<model::JwtProvider::Header> header;
  std::string parameter, cookie;

  bool operator==(const Place& other) const {
    const bool sameHeader = header && other.header ? toLower(header->name) == toLower(other.header->name) &&
                                                         header->prefix == other.header->prefix
                                                   : header.has_value() == other.header.has_value();
    return sameHeader && parameter == other.parameter && cookie == other.cookie;
  }
};

std::vector<Place> placesOf(const model::JwtProvider& provider) {
  std::vector<Place> places;
  for (const auto& header : provider.fromHeaders) places.push_back({header, "", ""});
  for (const auto& name : provider.fromParams) places.push_back({std::nullopt, name, ""});
  for (const auto& name : provider.fromCookies) places.push_back({std::nullopt, "", name});
  if (places.empty()) {
    places.push_back({model::JwtProvider::Header{"Authorization", "Bearer "}, "", ""});
    places.push_back({std::nullopt, "access_token", ""});
  }
  return places;
}

model::JwtProvider at(const Place& place, model::JwtProvider provider) {
  provider.fromHeaders.clear();
  provider.fromParams.clear();
  provider.fromCookies.clear();
  if (place.header) provider.fromHeaders.push_back(*place.header);
  if (!place.parameter.empty()) provider.fromParams.push_back(place.parameter);
  if (!place.cookie.empty()) provider.fromCookies.push_back(place.cookie);
  return provider;
}

// Makes requirements, and the providers that they ask for.
class Requirements {
 public:
  Requirements(jwt::JwtAuthentication& config, const std::vector<model::JwtProvider>& providers, bool routesByClaims)
      : config_(config), providers_(providers), routesByClaims_(routesByClaims) {}

  void set(jwt::JwtRequirement& out, const RequestAuthentication::Rule& rule) {
    const bool ifPresent = rule.need == Need::valid_if_present;
    if (ifPresent && rule.providers.size() > 1) return setEachPlace(out, rule);
    if (rule.need == Need::required && rule.providers.size() == 1) {
      return out.set_provider_name(whole(rule.providers.front()));
    }
    auto& any = *out.mutable_requires_any();
    for (const auto provider : rule.providers) any.add_requirements()->set_provider_name(whole(provider));
    if (ifPresent) any.add_requirements()->mutable_allow_missing();
    if (rule.need == Need::optional) any.add_requirements()->mutable_allow_missing_or_failed();
  }

 private:
  std::string add(const std::string& name, const model::JwtProvider& provider) {
    setProvider((*config_.mutable_providers())[name], provider, routesByClaims_);
    return name;
  }

  std::string whole(std::size_t index) { return add(providerName(index), providers_[index]); }

  // Each token that is there must be valid, by one of those who look where it is. Alternatives of whole providers would let
  // a token pass that nobody has looked at, as the first provider that has a valid token of its own is enough for Envoy.
  void setEachPlace(jwt::JwtRequirement& out, const RequestAuthentication::Rule& rule) {
    std::vector<std::pair<Place, std::vector<std::string>>> places;  // with the providers that look there
    for (const auto index : rule.providers) {
      for (const auto& place : placesOf(providers_[index])) {
        auto found = std::find_if(places.begin(), places.end(), [&](const auto& each) { return each.first == place; });
        if (found == places.end()) found = places.insert(places.end(), {place, {}});
        const auto name = providerName(index) + "-" + std::to_string(found - places.begin());
        found->second.push_back(add(name, at(place, providers_[index])));
      }
    }
    for (const auto& [place, names] : places) {
      auto& one = places.size() == 1 ? out : *out.mutable_requires_all()->add_requirements();
      for (const auto& name : names) one.mutable_requires_any()->add_requirements()->set_provider_name(name);
      one.mutable_requires_any()->add_requirements()->mutable_allow_missing();
    }
  }

  jwt::JwtAuthentication& config_;
  const std::vector<model::JwtProvider>& providers_;
  const bool routesByClaims_;
};

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
  Requirements requirements(config, authentication.providers, routesByClaims);
  for (const auto& rule : authentication.rules) {
    auto& to = *config.add_rules();
    setMatch(*to.mutable_match(), rule.paths);
    if (!rule.providers.empty()) requirements.set(*to.mutable_requires_(), rule);
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
