#include <envoy/config/route/v3/route_components.pb.h>

#include "base/strings.h"
#include "translate/route.h"
#include "translate/wire.h"

namespace fairway::translate {

using envoy::config::route::v3::RouteMatch;
using model::StringMatcher;

namespace {

using Kind = StringMatcher::Type;

bool setPath(RouteMatch& out, const StringMatcher& uri, bool wholeElements) {
  const std::string flags = uri.ignoreCase ? "(?i)" : "";
  switch (uri.type) {
    case Kind::exact: out.set_path(uri.value); break;
    case Kind::prefix:
      if (wholeElements && uri.value.size() > 1) {
        out.set_path_separated_prefix(uri.value);
      } else {
        out.set_prefix(uri.value.empty() ? "/" : uri.value);
      }
      break;
    case Kind::present: out.set_prefix("/"); break;
    case Kind::suffix: return setRegex(*out.mutable_safe_regex(), flags + ".*" + quoteRegex(uri.value));
    case Kind::regex: return setRegex(*out.mutable_safe_regex(), flags + uri.value);
  }
  if (uri.ignoreCase) out.mutable_case_sensitive()->set_value(false);
  return true;
}

bool addHeader(RouteMatch& out, const std::string& name, const StringMatcher& matcher, bool invert) {
  auto& header = *out.add_headers();
  header.set_name(toLower(name));
  header.set_invert_match(invert);
  if (matcher.type == Kind::present) {
    header.set_present_match(true);
    return true;
  }
  // Without it Envoy lets an inverted match of a header that is missing fail, too.
  header.set_treat_missing_header_as_empty(invert);
  return setMatcher(*header.mutable_string_match(), matcher);
}

// Where the jwt_authn filter leaves the claims (translate/jwt.h).
bool addClaim(RouteMatch& out, const model::HttpMatch::Claim& claim) {
  auto& metadata = *out.add_dynamic_metadata();
  metadata.set_filter("envoy.filters.http.jwt_authn");
  metadata.add_path()->set_key("payload");
  for (const auto& key : claim.path) metadata.add_path()->set_key(key);
  metadata.set_invert(claim.invert);
  auto& either = *metadata.mutable_value()->mutable_or_match();
  return setMatcher(*either.add_value_matchers()->mutable_string_match(), claim.matcher) &&
         setMatcher(*either.add_value_matchers()->mutable_list_match()->mutable_one_of()->mutable_string_match(),
                    claim.matcher);
}

bool addQueryParameter(RouteMatch& out, const std::string& name, const StringMatcher& matcher) {
  auto& parameter = *out.add_query_parameters();
  parameter.set_name(name);
  if (matcher.type == Kind::present) {
    parameter.set_present_match(true);
    return true;
  }
  return setMatcher(*parameter.mutable_string_match(), matcher);
}

}  // namespace

bool setRouteMatch(store::View& view, envoy::config::route::v3::Route& route, const model::HttpMatch& match,
                   const model::Provenance& provenance) {
  auto& out = *route.mutable_match();
  const auto refuse = [&](const std::string& field, const std::string& message) {
    view.note({model::Note::Severity::error, provenance, field, message + "; this match is left out"});
    return false;
  };
  const auto badRegex = [&](const std::string& field, const StringMatcher& matcher) {
    return refuse(field, "'" + matcher.value + "' is not a regular expression that RE2 accepts");
  };
  if (!match.uri) {
    out.set_prefix("/");
  } else if (!setPath(out, *match.uri, match.wholeElements)) {
    return badRegex("match.uri", *match.uri);
  }
  if (match.scheme && !addHeader(out, ":scheme", *match.scheme, false)) return badRegex("match.scheme", *match.scheme);
  if (match.method && !addHeader(out, ":method", *match.method, false)) return badRegex("match.method", *match.method);
  if (match.authority) {
    auto authority = *match.authority;
    authority.ignoreCase = true;  // hosts have no case
    if (!addHeader(out, ":authority", authority, false)) return badRegex("match.authority", authority);
  }
  for (const auto& header : match.headers) {
    if (!addHeader(out, header.name, header.matcher, header.invert)) {
      return badRegex("match.headers." + header.name, header.matcher);
    }
  }
  for (const auto& claim : match.claims) {
    if (!addClaim(out, claim))
      return badRegex("match.headers.@request.auth.claims." + join(claim.path, "."), claim.matcher);
  }
  for (const auto& parameter : match.queryParams) {
    const std::string field = "match.queryParams." + parameter.name;
    if (parameter.invert) return refuse(field, "Envoy cannot match on the absence of a query parameter");
    if (!addQueryParameter(out, parameter.name, parameter.matcher)) return badRegex(field, parameter.matcher);
  }
  return true;
}

}  // namespace fairway::translate
