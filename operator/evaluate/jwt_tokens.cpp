#include <algorithm>
#include <map>

#include "base/strings.h"
#include "evaluate/jwt_tokens_internal.h"

namespace fairway::evaluate {

using envoy::extensions::filters::http::jwt_authn::v3::JwtProvider;
using nlohmann::json;

namespace {

constexpr std::string_view kTokenCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";

bool looksInDefaultPlaces(const JwtProvider& provider) {
  return provider.from_headers().empty() && provider.from_params().empty() && provider.from_cookies().empty();
}

struct HeaderPlace {
  std::string name, prefix;
  std::set<std::string> issuers;
};

struct Places {
  std::map<std::string, HeaderPlace> headers;  // by name and prefix: Envoy's order
  std::map<std::string, std::set<std::string>> parameters, cookies;
};

Places placesOf(const Providers& providers) {
  Places places;
  const auto header = [&](const JwtProvider& provider, const std::string& name, const std::string& prefix) {
    auto& place = places.headers[toLower(name) + prefix];
    place.name = toLower(name);
    place.prefix = prefix;
    place.issuers.insert(provider.issuer());
  };
  for (const auto* provider : providers) {
    for (const auto& each : provider->from_headers()) header(*provider, each.name(), each.value_prefix());
    for (const auto& each : provider->from_params()) places.parameters[each].insert(provider->issuer());
    for (const auto& each : provider->from_cookies()) places.cookies[each].insert(provider->issuer());
    if (looksInDefaultPlaces(*provider)) {
      header(*provider, "authorization", "Bearer ");
      places.parameters["access_token"].insert(provider->issuer());
    }
  }
  return places;
}

std::map<std::string, std::string> cookiesOf(const Headers& headers) {
  std::map<std::string, std::string> cookies;
  for (const auto value : headers.get("cookie")) {
    for (const auto& part : split(value, ';')) {
      const auto equals = part.find('=');
      if (equals == std::string::npos) continue;
      auto text = std::string(trim(std::string_view(part).substr(equals + 1)));
      if (text.size() > 1 && text.front() == '"' && text.back() == '"') text = text.substr(1, text.size() - 2);
      cookies.emplace(trim(std::string_view(part).substr(0, equals)), text);
    }
  }
  return cookies;
}

int hexDigit(char c) {
  const auto digit = std::string_view("0123456789abcdef").find(static_cast<char>(std::tolower(c)));
  return digit == std::string_view::npos ? -1 : static_cast<int>(digit);
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 && hexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// A token that is only claims stands where the provider of its issuer looks, else in the default place.
void addClaims(std::vector<FoundToken>& tokens, const Providers& providers, const Providers& all,
               const std::vector<json>& claims) {
  for (const auto& each : claims) {
    const std::string issuer = each.is_object() && each.contains("iss") && each["iss"].is_string() ? each["iss"] : "";
    const auto owner = std::find_if(all.begin(), all.end(), [&](const auto* p) { return p->issuer() == issuer; });
    const bool inDefaultPlace = owner == all.end() || looksInDefaultPlaces(**owner);
    FoundToken token;
    token.claims = &each;
    for (const auto* provider : providers) {
      if (provider->issuer() == issuer || (inDefaultPlace && looksInDefaultPlaces(*provider))) {
        token.issuers.insert(provider->issuer());
      }
    }
    if (!token.issuers.empty()) tokens.push_back(std::move(token));
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> queryParameters(std::string_view path) {
  std::vector<std::pair<std::string, std::string>> result;
  const auto mark = path.find('?');
  if (mark == std::string_view::npos) return result;
  const auto query =
      path.substr(mark + 1, path.find('#') == std::string_view::npos ? path.npos : path.find('#') - mark - 1);
  for (const auto& part : split(query, '&')) {
    const auto equals = part.find('=');
    auto name = decoded(part.substr(0, equals));
    const bool seen = std::any_of(result.begin(), result.end(), [&](const auto& each) { return each.first == name; });
    if (!seen)
      result.emplace_back(std::move(name), equals == std::string::npos ? "" : decoded(part.substr(equals + 1)));
  }
  return result;
}

std::vector<FoundToken> findTokens(const Providers& providers, const Providers& all, const Headers& headers,
                                   const std::vector<json>& claims) {
  std::vector<FoundToken> tokens;
  addClaims(tokens, providers, all, claims);
  const auto places = placesOf(providers);
  for (const auto& [key, place] : places.headers) {
    for (auto value : headers.get(place.name)) {
      if (!place.prefix.empty()) {
        const auto at = value.find(place.prefix);
        if (at == std::string_view::npos) continue;
        // What may be no part of a token is passed over; without anything else the value stays as it is.
        const auto start = value.find_first_of(kTokenCharacters, at + place.prefix.size());
        if (start != std::string_view::npos) value = value.substr(start);
      }
      tokens.push_back({std::string(value), nullptr, place.name, "", place.issuers});
    }
  }
  const auto parameters =
      places.parameters.empty() ? std::vector<std::pair<std::string, std::string>>() : queryParameters(headers.path());
  for (const auto& [name, issuers] : places.parameters) {
    for (const auto& [key, value] : parameters) {
      if (key == name) tokens.push_back({value, nullptr, "", name, issuers});
    }
  }
  const auto cookies = places.cookies.empty() ? std::map<std::string, std::string>() : cookiesOf(headers);
  for (const auto& [name, issuers] : places.cookies) {
    const auto found = cookies.find(name);
    if (found != cookies.end()) tokens.push_back({found->second, nullptr, "", "", issuers});
  }
  return tokens;
}

void removeToken(const FoundToken& token, Headers& headers) {
  if (!token.header.empty()) headers.remove(token.header);
  if (token.parameter.empty()) return;
  const std::string path(headers.path());
  const auto mark = path.find('?');
  std::vector<std::string> kept;
  for (const auto& part : split(std::string_view(path).substr(mark + 1), '&')) {
    if (decoded(part.substr(0, part.find('='))) != token.parameter) kept.push_back(part);
  }
  headers.set(":path", path.substr(0, mark) + (kept.empty() ? "" : "?" + join(kept, "&")));
}

}  // namespace fairway::evaluate
