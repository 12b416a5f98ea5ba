#include "normalize/http_match.h"

#include <algorithm>
#include <tuple>

#include "base/strings.h"
#include "normalize/conditions.h"

namespace fairway::normalize {

namespace {

using Type = model::StringMatcher::Type;

// A header or query parameter with an empty value to compare is asked for its presence only.
model::StringMatcher presenceOrText(const api::StringMatch& match) {
  if (match.value.empty()) return {};
  return convertMatcher(match);
}

// "@request.auth.claims.a.b" and "@request.auth.claims[a][b]"; empty if the name is a header's.
std::vector<std::string> claimPath(std::string_view name) {
  static constexpr std::string_view kClaims = "@request.auth.claims";
  if (!name.starts_with(kClaims)) return {};
  if (auto path = bracketed(name, kClaims)) return std::move(*path);
  name.remove_prefix(std::min(kClaims.size() + 1, name.size()));
  return split(name, '.');
}

bool coversEveryPath(const model::StringMatcher& uri) {
  if (uri.type == Type::present) return true;
  if (uri.type == Type::prefix) return uri.value.empty() || uri.value == "/";
  return uri.type == Type::regex && (uri.value == ".*" || uri.value == "/.*");
}

}  // namespace

model::StringMatcher convertMatcher(const api::StringMatch& match, bool ignoreCase) {
  model::StringMatcher result;
  switch (match.type) {
    case api::StringMatch::Type::exact: result.type = Type::exact; break;
    case api::StringMatch::Type::prefix: result.type = Type::prefix; break;
    case api::StringMatch::Type::suffix: result.type = Type::suffix; break;
    case api::StringMatch::Type::regex: result.type = Type::regex; break;
    case api::StringMatch::Type::present: result.type = Type::present; break;
  }
  result.value = match.value;
  result.ignoreCase = ignoreCase;
  return result;
}

model::HttpMatch convertMatch(const api::HttpMatchRequest& match) {
  model::HttpMatch result;
  result.statPrefix = match.statPrefix;
  const auto set = [](std::optional<model::StringMatcher>& to, const std::optional<api::StringMatch>& from,
                      bool ignoreCase = false) {
    if (!from || from->type == api::StringMatch::Type::present) return;
    if (from->type == api::StringMatch::Type::prefix && from->value.empty()) return;
    to = convertMatcher(*from, ignoreCase);
  };
  set(result.uri, match.uri, match.ignoreUriCase);
  set(result.scheme, match.scheme);
  set(result.method, match.method);
  set(result.authority, match.authority);
  const auto addHeaders = [&](const std::map<std::string, api::StringMatch>& headers, bool invert) {
    for (const auto& [name, value] : headers) {
      if (auto path = claimPath(name); !path.empty()) {
        result.claims.push_back({std::move(path), presenceOrText(value), invert});
      } else {
        result.headers.push_back({toLower(name), presenceOrText(value), invert});
      }
    }
  };
  addHeaders(match.headers, false);
  addHeaders(match.withoutHeaders, true);
  std::sort(result.headers.begin(), result.headers.end(), [](const auto& a, const auto& b) {
    return std::tie(a.name, a.invert, a.matcher) < std::tie(b.name, b.invert, b.matcher);
  });
  for (const auto& [name, value] : match.queryParams) {
    result.queryParams.push_back({name, presenceOrText(value), false});
  }
  return result;
}

bool matchesEverything(const model::HttpMatch& match) {
  return (!match.uri || coversEveryPath(*match.uri)) && !match.scheme && !match.method && !match.authority &&
         match.headers.empty() && match.claims.empty() && match.queryParams.empty();
}

bool isCatchAll(const std::vector<model::HttpMatch>& matches) {
  return matches.empty() || std::any_of(matches.begin(), matches.end(), matchesEverything);
}

}  // namespace fairway::normalize
