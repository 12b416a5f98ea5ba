#include "api/key_set_url.h"

#include <algorithm>

#include "api/security.h"

namespace fairway::api {

namespace {

constexpr Duration kDefaultTimeout = std::chrono::seconds(5);

template <class Rule>
void add(const Rule& rule, Duration timeout, std::map<std::string, Duration>& urls) {
  if (!rule.jwks.empty()) return;
  const auto url = keySetUrl(rule.issuer, rule.jwksUri);
  if (url.empty()) return;
  auto& longest = urls[url];
  longest = std::max(longest, timeout);
}

}  // namespace

std::string keySetUrl(const std::string& issuer, const std::string& jwksUri) {
  if (!jwksUri.empty()) return jwksUri;
  if (!issuer.starts_with("https://") && !issuer.starts_with("http://")) return {};
  return (issuer.ends_with('/') ? issuer.substr(0, issuer.size() - 1) : issuer) + std::string(kDiscoveryDocument);
}

std::map<std::string, Duration> keySetUrls(const Object& object) {
  std::map<std::string, Duration> urls;
  switch (object.kind) {
    case Kind::request_authentication:
      for (const auto& rule : static_cast<const RequestAuthentication&>(object).spec.jwtRules) {
        add(rule, rule.timeout.value_or(kDefaultTimeout), urls);
      }
      break;
    case Kind::policy:
      for (const auto& rule : static_cast<const Policy&>(object).spec.origins) add(rule, kDefaultTimeout, urls);
      break;
    case Kind::mesh_policy:
      for (const auto& rule : static_cast<const MeshPolicy&>(object).spec.origins) add(rule, kDefaultTimeout, urls);
      break;
    default: break;
  }
  return urls;
}

}  // namespace fairway::api
