#include "normalize/request_authentication.h"

#include <algorithm>

#include "api/key_set_url.h"
#include "normalize/alpha_policy.h"
#include "normalize/jwt_triggers.h"
#include "normalize/key_set.h"
#include "normalize/objects.h"
#include "normalize/policy_target.h"

namespace fairway::normalize {

namespace {

using model::JwtProvider;
using model::RequestAuthentication;
using Need = RequestAuthentication::Need;

// As Istio reads them, without being asked to.
const std::vector<std::string> kSpaceDelimited{"scope", "permission"};

// The keys that Envoy can use. None is an error of whoever told them.
std::string usable(store::View& view, const model::Provenance& object, const std::string& field,
                   const std::string& issuer, const std::string& jwks) {
  auto keys = usableKeys(jwks);
  if (keys.empty() && !jwks.empty()) {
    error(view, object, field,
          "its key set holds no key that can be used, expected RSA, EC (P-256, P-384, P-521), oct or Ed25519 keys; "
          "tokens of \"" +
              issuer + "\" are refused");
  }
  return keys;
}

// The keys of an issuer; none if nobody has told them yet.
std::string keysOf(store::View& view, const model::Provenance& object, const std::string& field,
                   const std::string& issuer, const std::string& jwksUri, const std::string& jwks) {
  if (!jwks.empty()) return usable(view, object, field, issuer, jwks);
  const auto url = api::keySetUrl(issuer, jwksUri);
  if (url.empty()) {
    error(
        view, object, field,
        "no keys: the issuer \"" + issuer + "\" is no URL, expected jwksUri or jwks beside it; its tokens are refused");
    return {};
  }
  const auto* keys = view.get<api::KeySet>("", url);
  if (keys == nullptr) {
    info(view, object, field, "the keys from " + url + " have not come yet: tokens of \"" + issuer + "\" are refused");
    return {};
  }
  if (!keys->spec.problem.empty()) {
    warning(view, object, field,
            "the keys from " + url + " cannot be had: " + keys->spec.problem +
                (keys->spec.jwks.empty() ? "; tokens of \"" + issuer + "\" are refused"
                                         : "; those from before stay in use"));
  }
  return usable(view, object, field, issuer, keys->spec.jwks);
}

JwtProvider providerOf(store::View& view, const api::RequestAuthentication& object, std::size_t index) {
  const auto& rule = object.spec.jwtRules[index];
  const auto name = "jwtRules[" + std::to_string(index) + "]";
  JwtProvider provider;
  provider.issuer = rule.issuer;
  provider.audiences = rule.audiences;
  provider.jwks = keysOf(view, provenanceOf(object, name), "spec." + name, rule.issuer, rule.jwksUri, rule.jwks);
  for (const auto& header : rule.fromHeaders) provider.fromHeaders.push_back({header.name, header.prefix});
  provider.fromParams = rule.fromParams;
  provider.fromCookies = rule.fromCookies;
  provider.forward = rule.forwardOriginalToken;
  provider.payloadHeader = rule.outputPayloadToHeader;
  for (const auto& claim : rule.outputClaimToHeaders) provider.claimHeaders.push_back({claim.header, claim.claim});
  provider.spaceDelimitedClaims = rule.spaceDelimitedClaims.empty() ? kSpaceDelimited : rule.spaceDelimitedClaims;
  return provider;
}

JwtProvider providerOf(store::View& view, const api::Object& object, const api::AuthenticationPolicySpec::Jwt& origin,
                       std::size_t index) {
  const auto name = "origins[" + std::to_string(index) + "]";
  JwtProvider provider;
  provider.issuer = origin.issuer;
  provider.audiences = origin.audiences;
  provider.jwks = keysOf(view, provenanceOf(object, name), "spec." + name, origin.issuer, origin.jwksUri, origin.jwks);
  for (const auto& header : origin.jwtHeaders) provider.fromHeaders.push_back({header, ""});
  provider.fromParams = origin.jwtParams;
  provider.forward = true;  // v1alpha1.md 7.2
  provider.spaceDelimitedClaims = kSpaceDelimited;
  return provider;
}

void refuse(store::View& view, const api::Object& object, const std::string& field, const std::string& why,
            RequestAuthentication& result) {
  error(view, provenanceOf(object), field, why + ": every HTTP request to its workloads is refused");
  if (!result.refuse) result.refuse = provenanceOf(object);
}

void applyAlpha(store::View& view, const AlphaEffect& effect, RequestAuthentication& result) {
  if (effect.spec == nullptr) return;
  const auto& origins = effect.spec->origins;
  if (effect.refuseHttp) {
    result.provenance.push_back(provenanceOf(*effect.object));
    result.refuse = provenanceOf(*effect.object);
    return;
  }
  if (origins.empty()) return;
  result.provenance.push_back(provenanceOf(*effect.object));
  auto rules = jwtRules(origins, effect.spec->originIsOptional ? Need::optional : Need::required);
  if (!rules) {
    return refuse(view, *effect.object, "spec.origins",
                  "the trigger rules need two regular expressions, or more than 64 cases, for one decision; use "
                  "exact, prefix and suffix",
                  result);
  }
  for (std::size_t i = 0; i < origins.size(); ++i) {
    result.providers.push_back(providerOf(view, *effect.object, origins[i], i));
  }
  result.rules = std::move(*rules);
  result.refusalText = "Origin authentication failed.";
}

}  // namespace

RequestAuthenticationOf::Value requestAuthenticationOf(store::View& view, const RequestAuthenticationOf& query) {
  RequestAuthentication result;
  auto objects = policiesFor<api::RequestAuthentication>(view, query.ns, query.labels);
  if (objects.empty()) {
    applyAlpha(view, alphaPolicies(view, query.ns, query.labels).at(query.port), result);
    return result;
  }
  sortOldestFirst(objects);
  RequestAuthentication::Rule all;
  for (const auto* object : objects) {
    result.provenance.push_back(provenanceOf(*object));
    if (Errors(*object).any()) refuse(view, *object, "spec", "the object has errors", result);
    for (std::size_t i = 0; i < object->spec.jwtRules.size(); ++i) {
      all.providers.push_back(result.providers.size());
      result.providers.push_back(providerOf(view, *object, i));
    }
  }
  if (!all.providers.empty()) result.rules.push_back(std::move(all));
  return result;
}

}  // namespace fairway::normalize
