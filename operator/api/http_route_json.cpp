#include "api/http_route_json.h"

#include <algorithm>
#include <array>

#include "api/destination_json.h"
#include "api/header_operations_json.h"
#include "api/http_faults_json.h"
#include "api/http_match_json.h"
#include "api/string_match_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

constexpr std::array<std::string_view, 15> kRetryConditions{"5xx",
                                                            "gateway-error",
                                                            "reset",
                                                            "reset-before-request",
                                                            "connect-failure",
                                                            "envoy-ratelimited",
                                                            "retriable-4xx",
                                                            "refused-stream",
                                                            "retriable-status-codes",
                                                            "retriable-headers",
                                                            "cancelled",
                                                            "deadline-exceeded",
                                                            "internal",
                                                            "resource-exhausted",
                                                            "unavailable"};

void readRoute(const Value& value, HttpRoute& out) {
  std::int64_t sum = 0;
  const bool list = value.eachItem([&](const Value& item, std::size_t) {
    auto& weighted = out.route.emplace_back();
    Fields fields(item);
    if (const auto destination = fields.get("destination")) {
      readDestination(*destination, weighted.destination);
    } else if (fields.readable()) {
      fields.missing("destination", "a mapping with host");
    }
    readWeight(fields, weighted.weight);
    sum += weighted.weight;
    readHeaderOperations(fields, weighted.headers);
  });
  if (list && out.route.empty()) value.error("it is empty, expected at least one destination");
  checkWeights(value, out.route.size(), sum);
}

void readRedirect(const Value& value, HttpRoute::Redirect& out) {
  static constexpr EnumName<std::string_view> kPorts[] = {{"FROM_PROTOCOL_DEFAULT", 0, "FROM_PROTOCOL_DEFAULT"},
                                                          {"FROM_REQUEST_PORT", 1, "FROM_REQUEST_PORT"}};
  Fields fields(value);
  fields.read("uri", out.uri);
  fields.read("authority", out.authority);
  if (!out.authority.empty() && out.authority.find_first_of("/\r\n ") != std::string::npos) {
    fields.get("authority")->expected("a host, with or without a port");
  }
  fields.read("scheme", out.scheme);
  if (!out.scheme.empty() && out.scheme != "http" && out.scheme != "https") {
    fields.get("scheme")->expected("http or https");
  }
  fields.read("prefixRewrite", out.prefixRewrite);
  if (!out.uri.empty() && !out.prefixRewrite.empty()) {
    value.error("uri and prefixRewrite are both given, expected one of them");
  }
  fields.readPort("port", out.port);
  if (const auto derived = fields.get("derivePort")) {
    if (const auto name = derived->oneOf<std::string_view>(kPorts)) out.derivePort = *name;
    if (fields.has("port")) value.error("port and derivePort are both given, expected one of them");
  }
  if (const auto code = fields.get("redirectCode")) {
    static constexpr std::array<std::int64_t, 5> kCodes{301, 302, 303, 307, 308};
    const auto number = code->integer(300, 399);
    if (number && std::find(kCodes.begin(), kCodes.end(), *number) == kCodes.end()) {
      code->expected("301, 302, 303, 307 or 308");
    } else if (number) {
      out.code = static_cast<std::uint32_t>(*number);
    }
  }
  if (fields.readable() && out.uri.empty() && out.authority.empty() && out.scheme.empty() && out.port == 0 &&
      out.derivePort.empty() && out.prefixRewrite.empty()) {
    value.error("expected at least one of uri, prefixRewrite, authority, scheme, port, derivePort");
  }
}

void readRewrite(const Value& value, HttpRoute::Rewrite& out) {
  Fields fields(value);
  fields.read("uri", out.uri);
  fields.read("authority", out.authority);
  if (const auto regex = fields.get("uriRegexRewrite")) {
    Fields parts(*regex);
    parts.read("match", out.regexMatch);
    parts.read("rewrite", out.regexRewrite);
    int groups = 0;
    if (!parts.has("match")) {
      if (parts.readable()) parts.missing("match", "a pattern");
    } else if (const auto problem = regexProblem(out.regexMatch, &groups)) {
      parts.get("match")->error(*problem);
    }
    for (std::size_t i = 0; i + 1 < out.regexRewrite.size(); ++i) {
      if (out.regexRewrite[i] != '\\') continue;
      const char next = out.regexRewrite[++i];
      if (next == '\\') continue;
      if (next < '0' || next > '9' || next - '0' > groups) {
        parts.get("rewrite")->error("found \\" + std::string(1, next) + ", expected \\0 to \\" +
                                    std::to_string(std::min(groups, 9)) + " for the groups of `match`");
      }
    }
    if (!out.uri.empty()) value.error("uri and uriRegexRewrite are both given, expected one of them");
  }
  if (fields.readable() && !fields.has("uri") && !fields.has("authority") && !fields.has("uriRegexRewrite")) {
    value.error("expected at least one of uri, authority, uriRegexRewrite");
  }
}

void readCors(const Value& value, HttpRoute::Cors& out) {
  Fields fields(value);
  if (const auto origins = fields.get("allowOrigins")) {
    origins->eachItem([&](const Value& item, std::size_t) {
      auto match = readStringMatch(item);
      if (!match) return;
      if (match->type == StringMatch::Type::present) {
        item.error("it is empty, expected one of exact, prefix, regex");
      } else {
        out.allowOrigins.push_back(std::move(*match));
      }
    });
  }
  if (const auto origins = fields.get("allowOrigin")) {  // wins over the newer field (v1alpha1.md 4.1)
    origins->warn("old field, use allowOrigins");
    if (fields.has("allowOrigins")) origins->warn("allowOrigins is given as well and has no effect");
    out.allowOrigins.clear();
    for (auto& origin : origins->texts()) out.allowOrigins.push_back({StringMatch::Type::exact, std::move(origin)});
  }
  fields.read("allowMethods", out.allowMethods);
  fields.read("allowHeaders", out.allowHeaders);
  fields.read("exposeHeaders", out.exposeHeaders);
  fields.read("maxAge", out.maxAge);
  fields.read("allowCredentials", out.allowCredentials);
  if (const auto unmatched = fields.get("unmatchedPreflights")) {
    using Unmatched = HttpRoute::Cors::Unmatched;
    static constexpr EnumName<Unmatched> kModes[] = {{"UNSPECIFIED", 0, Unmatched::unspecified},
                                                     {"FORWARD", 1, Unmatched::forward},
                                                     {"IGNORE", 2, Unmatched::ignore}};
    out.unmatchedPreflights = unmatched->oneOf<Unmatched>(kModes).value_or(Unmatched::unspecified);
  }
}

void readMirrors(Fields& fields, HttpRoute& out) {
  if (const auto mirror = fields.get("mirror")) {
    auto& one = out.mirrors.emplace_back();
    readDestination(*mirror, one.destination);
    if (fields.has("mirrors")) mirror->error("mirror and mirrors are both given, expected one of them");
  }
  const bool one = !out.mirrors.empty();
  for (const auto* name : {"mirrorPercent", "mirrorPercentage"}) {  // the newer field wins
    const auto value = fields.get(name);
    if (!value) continue;
    const auto percent = value->json().is_object() ? readPercentage(*value) : value->number(0, 100);
    if (!one) {
      value->warn("it has no effect without mirror");
    } else if (percent) {
      out.mirrors.front().percent.value = *percent;
    }
  }
  const auto mirrors = fields.get("mirrors");
  if (!mirrors) return;
  mirrors->eachItem([&](const Value& item, std::size_t) {
    auto& mirror = out.mirrors.emplace_back();
    Fields parts(item);
    if (const auto destination = parts.get("destination")) {
      readDestination(*destination, mirror.destination);
    } else if (parts.readable()) {
      parts.missing("destination", "a mapping with host");
    }
    if (const auto percentage = parts.get("percentage")) {
      if (const auto percent = readPercentage(*percentage)) mirror.percent.value = *percent;
    }
  });
}

void readDelegate(const Value& value, HttpRoute::Delegate& out) {
  Fields fields(value);
  fields.read("name", out.name);
  fields.read("namespace", out.ns);
  if (!fields.readable()) return;
  if (!fields.has("name")) {
    fields.missing("name", "the name of a VirtualService");
  } else if (!isDnsSubdomain(out.name)) {
    fields.get("name")->expected("the name of a VirtualService");
  }
  if (!out.ns.empty() && !isDnsLabel(out.ns)) fields.get("namespace")->expected("the name of a namespace");
}

void checkActions(const Fields& fields, const HttpRoute& out) {
  const auto& at = fields.value();
  const int actions =
      (out.route.empty() ? 0 : 1) + (out.redirect ? 1 : 0) + (out.directResponse ? 1 : 0) + (out.delegate ? 1 : 0);
  if (actions == 0) at.error("expected route, redirect, directResponse or delegate");
  if (actions > 1) at.error("expected only one of route, redirect, directResponse, delegate");
  if (out.redirect && (out.fault || out.rewrite || !out.mirrors.empty() || out.timeout || out.retries)) {
    at.error("a redirect answers by itself: fault, rewrite, mirror, timeout and retries cannot be combined with it");
  }
  if (out.directResponse && (out.rewrite || !out.mirrors.empty() || out.timeout || out.retries)) {
    at.error("a directResponse answers by itself: rewrite, mirror, timeout and retries cannot be combined with it");
  }
}

}  // namespace

void readRetries(const Value& value, HttpRoute::Retries& out) {
  Fields fields(value);
  if (const auto attempts = fields.get("attempts")) {
    if (const auto number = attempts->integer(0, 1000)) out.attempts = static_cast<std::int32_t>(*number);
  }
  fields.read("perTryTimeout", out.perTryTimeout);
  fields.read("retryOn", out.retryOn);
  if (const auto conditions = fields.get("retryOn"); conditions && !out.retryOn.empty()) {
    for (const auto& part : split(out.retryOn, ',')) {
      const auto condition = trim(part);
      const auto status = toNumber(condition);
      const bool known =
          std::find(kRetryConditions.begin(), kRetryConditions.end(), condition) != kRetryConditions.end();
      if (!known && !(status && *status >= 100 && *status <= 599)) {
        conditions->error("found " + quote(condition) + ", expected a status code or one of " +
                          join({kRetryConditions.begin(), kRetryConditions.end()}, ", "));
      }
    }
  }
  if (const auto backoff = fields.get("backoff")) out.backoff = backoff->positiveDuration();
  fields.read("retryRemoteLocalities", out.retryRemoteLocalities);
  fields.read("retryIgnorePreviousHosts", out.retryIgnorePreviousHosts);
  if (fields.readable() && out.attempts == 0 && (out.perTryTimeout || !out.retryOn.empty())) {
    value.warn("attempts is 0 or not set: there are no retries, and the other fields have no effect");
  }
}

void readHttpRoute(const Value& value, HttpRoute& out) {
  Fields fields(value);
  if (!fields.readable()) return;
  const auto errors = value.report().errors;
  fields.read("name", out.name);
  if (const auto matches = fields.get("match")) {
    matches->eachItem([&](const Value& item, std::size_t) { readHttpMatch(item, out.match.emplace_back()); });
  }
  if (const auto route = fields.get("route")) readRoute(*route, out);
  if (const auto redirect = fields.get("redirect")) readRedirect(*redirect, out.redirect.emplace());
  if (const auto response = fields.get("directResponse")) readDirectResponse(*response, out.directResponse.emplace());
  if (const auto delegate = fields.get("delegate")) readDelegate(*delegate, out.delegate.emplace());
  if (const auto rewrite = fields.get("rewrite")) readRewrite(*rewrite, out.rewrite.emplace());
  fields.read("timeout", out.timeout);
  if (const auto retries = fields.get("retries")) readRetries(*retries, out.retries.emplace());
  if (const auto fault = fields.get("fault")) readFault(*fault, out.fault.emplace());
  readMirrors(fields, out);
  if (const auto cors = fields.get("corsPolicy")) readCors(*cors, out.cors.emplace());
  readHeaderOperations(fields, out.headers);
  fields.ignore("websocketUpgrade", "upgrades to WebSocket are always on");
  if (value.report().errors == errors) checkActions(fields, out);
}

}  // namespace fairway::api
