#pragma once

#include <set>
#include <string>
#include <vector>

#include <envoy/extensions/filters/http/jwt_authn/v3/config.pb.h>
#include <nlohmann/json.hpp>

#include "evaluate/headers.h"

namespace fairway::evaluate {

// A token that a request carries, and whose it may be there.
struct FoundToken {
  std::string text;
  const nlohmann::json* claims = nullptr;  // instead of a text
  std::string header, parameter;           // where it was; both empty: elsewhere
  std::set<std::string> issuers;           // "": any

  [[nodiscard]] bool mayBeFrom(const std::string& issuer) const {
    return issuers.contains("") || issuers.contains(issuer);
  }
};

using Providers = std::vector<const envoy::extensions::filters::http::jwt_authn::v3::JwtProvider*>;

// The tokens where these providers look for some, in the order of Envoy: headers, parameters, cookies. `all`: every provider of
// the filter, which decides where claims stand.
std::vector<FoundToken> findTokens(const Providers& providers, const Providers& all, const Headers& headers,
                                   const std::vector<nlohmann::json>& claims);
// Takes it out of the request.
void removeToken(const FoundToken& token, Headers& headers);

// name=value pairs of the query, decoded; of a name that comes more than once, the first.
std::vector<std::pair<std::string, std::string>> queryParameters(std::string_view path);

}  // namespace fairway::evaluate
