#include "normalize/gateway_api_filters.h"

#include <algorithm>

#include "base/strings.h"
#include "normalize/conditions.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::Filter;
using api::gateway_api::PathModifier;
using Type = Filter::Type;

constexpr std::uint32_t kHttpPort = 80, kHttpsPort = 443;
constexpr std::string_view kPrefix = "%PREFIX()%";  // as in a VirtualService's redirect

bool changeable(const std::string& name) { return name != "host" && !name.starts_with(':'); }

// Values are literal here, and format strings in Envoy.
std::string literal(const std::string& value) {
  std::string result;
  for (const char c : value) result.append(c == '%' ? 2 : 1, c);
  return result;
}

using Pairs = std::vector<std::pair<std::string, std::string>>;
void addPairs(const std::vector<api::gateway_api::Header>& from, Pairs& to) {
  for (const auto& header : from) {
    auto name = toLower(header.name);
    if (changeable(name)) to.emplace_back(std::move(name), literal(header.value));
  }
}

void addNames(const std::vector<std::string>& from, std::vector<std::string>& to) {
  for (const auto& header : from) {
    if (auto name = toLower(header); changeable(name)) to.push_back(std::move(name));
  }
}

// In place of what matched: without a slash at the end, since what follows a prefix begins with one.
std::string replacement(const std::string& value) {
  auto path = value;
  while (path.ends_with('/')) path.pop_back();
  return path.empty() || path.starts_with('/') ? path : "/" + path;
}

void addRedirect(const FilterPlace& at, const Filter::Redirect& from, model::HttpRoute& to) {
  model::HttpRoute::Redirect redirect;
  redirect.scheme = from.scheme;
  redirect.host = from.hostname;
  redirect.code = from.code;
  if (from.port != 0) {
    redirect.port = from.port;
  } else if (!from.scheme.empty()) {
    redirect.portFromScheme = true;
  } else if (at.place.port != (at.place.tls ? kHttpsPort : kHttpPort)) {
    redirect.port = at.place.port;
  }
  if (from.path && from.path->prefix) {
    redirect.path = std::string(kPrefix) + replacement(from.path->value);
  } else if (from.path) {
    redirect.path = from.path->value.starts_with('/') ? from.path->value : "/" + from.path->value;
  }
  to.redirect = std::move(redirect);
}

void addPath(const PathModifier& from, model::HttpRoute& to) {
  if (from.prefix) {
    to.rewritePath = replacement(from.value);
    return;
  }
  to.rewriteRegex = "^/.*$";
  for (const char c : from.value) to.rewriteSubstitution.append(c == '\\' ? 2 : 1, c);
  if (!to.rewriteSubstitution.starts_with('/')) to.rewriteSubstitution.insert(0, 1, '/');
}

// "*" stands for any part of an origin.
model::StringMatcher origin(const std::string& text) {
  using Match = model::StringMatcher::Type;
  if (text.find('*') == std::string::npos) return {Match::exact, text, false};
  std::vector<std::string> parts;
  for (const auto& part : split(text, '*')) parts.push_back(quoteRegex(part));
  return {Match::regex, text == "*" ? ".*" : join(parts, "[^/]*"), false};
}

void addCors(const Filter::Cors& from, model::HttpRoute& to) {
  model::HttpRoute::Cors cors;
  for (const auto& text : from.allowOrigins) cors.allowOrigins.push_back(origin(text));
  cors.allowMethods = from.allowMethods;
  cors.allowHeaders = from.allowHeaders;
  cors.exposeHeaders = from.exposeHeaders;
  cors.maxAge = std::chrono::seconds(from.maxAge);
  if (from.allowCredentials) cors.allowCredentials = true;
  cors.forwardUnmatched = false;
  to.cors = std::move(cors);
}

}  // namespace

Fault unsupportedFilter(const std::vector<Filter>& filters) {
  bool redirect = false, rewrite = false;
  for (const auto& filter : filters) {
    if (filter.type == Type::unsupported) {
      return {"UnsupportedValue", "a filter of type " + filter.typeName + " is not supported"};
    }
    redirect = redirect || filter.type == Type::redirect;
    rewrite = rewrite || filter.type == Type::rewrite;
  }
  if (redirect && rewrite) return {"IncompatibleFilters", "RequestRedirect and URLRewrite cannot be combined"};
  return {};
}

bool addHeaders(const Filter& filter, model::HeaderOps& to) {
  const bool request = filter.type == Type::request_headers;
  if (!request && filter.type != Type::response_headers) return false;
  addPairs(filter.set, request ? to.requestSet : to.responseSet);
  addPairs(filter.add, request ? to.requestAdd : to.responseAdd);
  addNames(filter.remove, request ? to.requestRemove : to.responseRemove);
  return true;
}

void addFilter(const FilterPlace& at, const Filter& filter, model::HttpRoute& to) {
  if (addHeaders(filter, to.headers)) {
    // As with other ways to write routes: setting Host is a rewrite.
    for (const auto& header : filter.set) {
      if (filter.type == Type::request_headers && toLower(header.name) == "host") to.rewriteHost = header.value;
    }
    return;
  }
  switch (filter.type) {
    case Type::redirect: addRedirect(at, filter.redirect, to); break;
    case Type::rewrite:
      if (!filter.hostname.empty()) to.rewriteHost = filter.hostname;
      if (filter.path) addPath(*filter.path, to);
      break;
    case Type::mirror: {
      auto backend = backendOf(at.view, at.object, filter.mirror.backend, filter.mirror.port, at.place.clientNs);
      if (!backend.fault.ok()) {
        error(at.view, provenanceOf(at.object, at.rule), "spec." + at.rule + ".filters",
              backend.fault.message + ": no copies are sent");
      } else {
        to.mirrors.push_back({std::move(backend.destination), filter.mirror.percent});
      }
      break;
    }
    case Type::cors: addCors(filter.cors, to); break;
    case Type::request_headers:
    case Type::response_headers:
    case Type::unsupported: break;
  }
}

}  // namespace fairway::normalize
