#include <algorithm>
#include <array>

#include "api/gateway_api_json.h"
#include "api/gateway_api_parts_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {

using namespace gateway_api;

namespace {

using HttpMatch = HttpRouteSpec::Match;
using PathType = HttpMatch::Path;

constexpr std::array<std::string_view, 9> kMethods{"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                                   "CONNECT", "OPTIONS", "TRACE", "PATCH"};

void readPath(const Value& value, HttpMatch& out) {
  static constexpr EnumName<PathType> kTypes[] = {
      {"Exact", 0, PathType::exact}, {"PathPrefix", 1, PathType::prefix}, {"RegularExpression", 2, PathType::regex}};
  Fields fields(value);
  if (const auto type = fields.get("type")) out.pathType = type->oneOf<PathType>(kTypes).value_or(out.pathType);
  fields.read("value", out.path);
  if (!fields.readable()) return;
  if (out.pathType == PathType::regex) {
    if (const auto problem = regexProblem(out.path)) value.error(*problem);
  } else if (!out.path.starts_with('/')) {
    value.error("found the path " + quote(out.path) + ", expected one that begins with \"/\"");
  }
}

void readMatch(const Value& value, HttpMatch& out) {
  Fields fields(value);
  if (const auto path = fields.get("path")) readPath(*path, out);
  readNamedMatches(fields, "headers", true, out.headers);
  readNamedMatches(fields, "queryParams", false, out.queryParams);
  fields.read("method", out.method);
  if (!out.method.empty() && std::find(kMethods.begin(), kMethods.end(), out.method) == kMethods.end()) {
    fields.get("method")->expected("one of " + join({kMethods.begin(), kMethods.end()}, ", "));
  }
}

void readRetry(const Value& value, HttpRouteSpec::Retry& out) {
  Fields fields(value);
  if (const auto codes = fields.get("codes")) {
    codes->eachItem([&](const Value& item, std::size_t) {
      if (const auto code = item.integer(400, 599)) out.codes.push_back(static_cast<std::uint32_t>(*code));
    });
  }
  fields.read("attempts", out.attempts, 0, 1'000'000);
  fields.read("backoff", out.backoff);
}

void readRule(const Value& value, HttpRouteSpec::Rule& out) {
  Fields fields(value);
  fields.read("name", out.name);
  if (const auto matches = fields.get("matches")) {
    matches->eachItem([&](const Value& item, std::size_t) { readMatch(item, out.matches.emplace_back()); });
  }
  readFilters(fields, out.filters);
  readBackends(fields, true, out.backends);
  if (const auto timeouts = fields.get("timeouts")) {
    Fields parts(*timeouts);
    parts.read("request", out.requestTimeout);
    parts.read("backendRequest", out.backendTimeout);
    const auto none = Duration{0};
    if (out.requestTimeout && out.backendTimeout && *out.requestTimeout != none &&
        *out.backendTimeout > *out.requestTimeout) {
      parts.get("backendRequest")->error("it is longer than `request`, expected at most as long");
    }
  }
  if (const auto retry = fields.get("retry")) readRetry(*retry, out.retry.emplace());
  fields.ignore("sessionPersistence", "sessions are not kept; use a DestinationRule with consistentHash");
}

void readGrpcMatch(const Value& value, GrpcRouteSpec::Match& out) {
  static constexpr EnumName<bool> kTypes[] = {{"Exact", 0, false}, {"RegularExpression", 1, true}};
  Fields fields(value);
  if (const auto method = fields.get("method")) {
    Fields parts(*method);
    if (const auto type = parts.get("type")) out.regex = type->oneOf<bool>(kTypes).value_or(false);
    parts.read("service", out.service);
    parts.read("method", out.method);
    if (parts.readable() && out.service.empty() && out.method.empty()) {
      method->error("expected at least one of service and method");
    }
    for (const auto& [name, text] : {std::pair{"service", &out.service}, {"method", &out.method}}) {
      if (text->empty()) continue;
      if (!out.regex && text->find('/') != std::string::npos) parts.get(name)->expected("a name without \"/\"");
      if (!out.regex) continue;
      if (const auto problem = regexProblem(*text)) parts.get(name)->error(*problem);
    }
  }
  readNamedMatches(fields, "headers", true, out.headers);
}

void readRule(const Value& value, GrpcRouteSpec::Rule& out) {
  Fields fields(value);
  fields.read("name", out.name);
  if (const auto matches = fields.get("matches")) {
    matches->eachItem([&](const Value& item, std::size_t) { readGrpcMatch(item, out.matches.emplace_back()); });
  }
  readFilters(fields, out.filters);
  readBackends(fields, true, out.backends);
  fields.ignore("sessionPersistence", "sessions are not kept; use a DestinationRule with consistentHash");
}

void readRule(const Value& value, L4RouteSpec::Rule& out) {
  Fields fields(value);
  fields.read("name", out.name);
  readBackends(fields, false, out.backends);
}

template <class Spec>
void readRoute(const Value& spec, Spec& out) {
  Fields fields(spec);
  readParents(fields, out.parents);
  readHostnames(fields, out.hostnames);
  if (const auto rules = fields.get("rules")) {
    rules->eachItem([&](const Value& item, std::size_t) { readRule(item, out.rules.emplace_back()); });
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, HttpRouteSpec& out) {
  readRoute(spec, out);
  // What the API server fills in.
  if (out.rules.empty() && spec.json().is_object() && !spec.json().contains("rules")) out.rules.emplace_back();
}

void readSpec(const Value& spec, const ObjectMeta&, GrpcRouteSpec& out) { readRoute(spec, out); }

void readSpec(const Value& spec, const ObjectMeta&, L4RouteSpec& out) { readRoute(spec, out); }

}  // namespace fairway::api
