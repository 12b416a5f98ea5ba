#include "normalize/http_action.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/strings.h"
#include "normalize/http_match.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

constexpr std::string_view kRetriableStatusCodes = "retriable-status-codes";
// Istio's defaults since 1.1: two retries, for errors before the request reached the application, and for 503.
constexpr std::string_view kDefaultRetryOn =
    "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
constexpr std::uint32_t kDefaultRetryStatus = 503;
constexpr std::uint32_t kDefaultAttempts = 2;

bool isHostHeader(const std::string& name) { return name == "host" || name == ":authority"; }

// Envoy refuses to change the host and pseudo headers by header operations: the host is a rewrite, the others are
// left out.
class HeaderConverter {
 public:
  HeaderConverter(const RouteContext& context, const api::VirtualService& object, std::string field)
      : context_(context), object_(object), field_(std::move(field)) {}

  model::HeaderOps convert(const api::HeaderOperations& from, std::optional<std::string>* rewriteHost) {
    model::HeaderOps to;
    to.requestSet = pairs(from.request.set, "request.set", rewriteHost);
    to.requestAdd = pairs(from.request.add, "request.add", nullptr);
    to.requestRemove = names(from.request.remove, "request.remove");
    to.responseSet = pairs(from.response.set, "response.set", nullptr);
    to.responseAdd = pairs(from.response.add, "response.add", nullptr);
    to.responseRemove = names(from.response.remove, "response.remove");
    return to;
  }

 private:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  void refuse(const std::string& part, const std::string& name) {
    warning(context_.view, provenanceOf(object_), field_ + ".headers." + part,
            "header \"" + name + "\" cannot be changed here and is left as it is; use rewrite to change host or path");
  }
  Pairs pairs(const std::map<std::string, std::string>& from, const std::string& part,
              std::optional<std::string>* rewriteHost) {
    Pairs to;
    for (const auto& [key, value] : from) {
      auto name = toLower(key);
      if (rewriteHost != nullptr && isHostHeader(name)) {
        *rewriteHost = value;
      } else if (isHostHeader(name) || name.starts_with(':')) {
        refuse(part, key);
      } else {
        to.emplace_back(std::move(name), value);
      }
    }
    std::sort(to.begin(), to.end());
    return to;
  }
  std::vector<std::string> names(const std::vector<std::string>& from, const std::string& part) {
    std::vector<std::string> to;
    for (const auto& key : from) {
      auto name = toLower(key);
      if (isHostHeader(name) || name.starts_with(':')) {
        refuse(part, key);
      } else {
        to.push_back(std::move(name));
      }
    }
    std::sort(to.begin(), to.end());
    to.erase(std::unique(to.begin(), to.end()), to.end());
    return to;
  }

  const RouteContext& context_;
  const api::VirtualService& object_;
  std::string field_;
};

// "5xx,503, reset": numbers are status codes, the rest are Envoy's conditions.
void convertRetryOn(const std::string& text, model::HttpRoute::Retries& to) {
  std::vector<std::string> conditions;
  for (const auto& part : split(text, ',')) {
    const auto item = std::string(trim(part));
    if (item.empty()) continue;
    if (const auto code = toNumber(item)) {
      to.statusCodes.push_back(static_cast<std::uint32_t>(*code));
    } else {
      conditions.push_back(item);
    }
  }
  const bool named = std::find(conditions.begin(), conditions.end(), kRetriableStatusCodes) != conditions.end();
  if (!to.statusCodes.empty() && !named) conditions.emplace_back(kRetriableStatusCodes);
  // Asked for without numbers, it means the default one.
  if (to.statusCodes.empty() && named) to.statusCodes.push_back(kDefaultRetryStatus);
  std::sort(to.statusCodes.begin(), to.statusCodes.end());
  to.statusCodes.erase(std::unique(to.statusCodes.begin(), to.statusCodes.end()), to.statusCodes.end());
  to.on = join(conditions, ",");
}

// By number, or by the name that gRPC's status code list gives it.
std::optional<std::uint32_t> grpcStatus(const std::string& text) {
  static constexpr std::array<std::string_view, 17> kNames = {
      "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
      "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
      "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
      "DATA_LOSS", "UNAUTHENTICATED"};
  if (const auto number = toNumber(text)) return static_cast<std::uint32_t>(*number);
  const auto found = std::find(kNames.begin(), kNames.end(), toUpper(text));
  if (found == kNames.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - kNames.begin());
}

model::HttpRoute::Fault convertFault(const api::HttpRoute::Fault& from) {
  model::HttpRoute::Fault to;
  if (from.delay) {
    to.delay = from.delay;
    to.delayPercent = from.delayPercent.value;
  }
  to.abortStatus = from.abortStatus;
  if (!from.abortGrpcStatus.empty()) to.abortGrpcStatus = grpcStatus(from.abortGrpcStatus);
  if (to.abortStatus || to.abortGrpcStatus) to.abortPercent = from.abortPercent.value;
  return to;
}

model::HttpRoute::Cors convertCors(const api::HttpRoute::Cors& from) {
  model::HttpRoute::Cors to;
  for (const auto& origin : from.allowOrigins) to.allowOrigins.push_back(convertMatcher(origin));
  to.allowMethods = from.allowMethods;
  to.allowHeaders = from.allowHeaders;
  to.exposeHeaders = from.exposeHeaders;
  to.maxAge = from.maxAge;
  to.allowCredentials = from.allowCredentials;
  to.forwardUnmatched = from.unmatchedPreflights != api::HttpRoute::Cors::Unmatched::ignore;
  return to;
}

model::HttpRoute::Redirect convertRedirect(const api::HttpRoute::Redirect& from) {
  model::HttpRoute::Redirect to;
  to.path = from.uri;
  to.prefixRewrite = from.prefixRewrite;
  to.host = from.authority;
  to.scheme = from.scheme;
  if (from.port != 0) to.port = from.port;
  to.portFromScheme = from.port == 0 && from.derivePort == "FROM_PROTOCOL_DEFAULT";
  to.code = from.code;
  return to;
}

// A single destination gets everything; of several, those with weight 0 get nothing.
void convertDestinations(const RouteContext& context, const api::VirtualService& object, const api::HttpRoute& from,
                         const std::string& field, model::HttpRoute& to) {
  for (std::size_t i = 0; i < from.route.size(); ++i) {
    const auto& weighted = from.route[i];
    const bool only = from.route.size() == 1;
    if (!only && weighted.weight <= 0) continue;
    const auto at = field + ".route[" + std::to_string(i) + "]";
    model::HttpRoute::Weighted result;
    result.destination = resolveDestination(context, object, weighted.destination, at + ".destination");
    result.weight = only ? 100 : static_cast<std::uint32_t>(weighted.weight);
    // With one destination its host header is the route's; with several there is no place for it.
    result.headers = HeaderConverter(context, object, at).convert(weighted.headers, only ? &to.rewriteHost : nullptr);
    to.destinations.push_back(std::move(result));
  }
}

void convertMirrors(const RouteContext& context, const api::VirtualService& object, const api::HttpRoute& from,
                    const std::string& field, model::HttpRoute& to) {
  for (std::size_t i = 0; i < from.mirrors.size(); ++i) {
    model::HttpRoute::Mirror mirror;
    mirror.destination = resolveDestination(context, object, from.mirrors[i].destination,
                                            field + ".mirrors[" + std::to_string(i) + "].destination");
    mirror.percent = from.mirrors[i].percent.value;
    // Copies that cannot be sent anywhere take nothing from the requests themselves.
    if (!mirror.destination.missing) to.mirrors.push_back(std::move(mirror));
  }
}

}  // namespace

model::HttpRoute::Retries convertRetries(const std::optional<api::HttpRoute::Retries>& from) {
  model::HttpRoute::Retries to;
  to.attempts = kDefaultAttempts;
  std::string on(kDefaultRetryOn);
  if (from) {
    if (from->attempts <= 0) return {};
    to.attempts = static_cast<std::uint32_t>(from->attempts);
    to.perTryTimeout = from->perTryTimeout;
    to.backoff = from->backoff;
    to.otherLocalities = from->retryRemoteLocalities.value_or(false);
    to.samePreviousHosts = !from->retryIgnorePreviousHosts.value_or(true);
    if (!trim(from->retryOn).empty()) on = from->retryOn;
  }
  convertRetryOn(on, to);
  return to;
}

model::HttpRoute::Retries defaultRetries(store::View& view) {
  const auto& mesh = view.ask(MeshSettingsOf{});
  return mesh.retries ? *mesh.retries : convertRetries(std::nullopt);
}

model::HttpRoute convertHttpRoute(const RouteContext& context, const api::VirtualService& object,
                                  const api::HttpRoute& from, std::size_t index) {
  const auto rule = "http[" + std::to_string(index) + "]";
  const auto field = "spec." + rule;
  model::HttpRoute to;
  to.name = from.name;
  to.provenance = provenanceOf(object, rule);
  to.headers = HeaderConverter(context, object, field).convert(from.headers, &to.rewriteHost);
  if (from.cors) to.cors = convertCors(*from.cors);
  if (from.fault) to.fault = convertFault(*from.fault);
  if (from.redirect) {
    to.redirect = convertRedirect(*from.redirect);
    return to;
  }
  if (from.directResponse) {
    to.directResponse = model::HttpRoute::DirectResponse{from.directResponse->status, from.directResponse->body};
    return to;
  }
  convertDestinations(context, object, from, field, to);
  if (to.destinations.empty()) {
    error(context.view, provenanceOf(object), field + ".route",
          "no destination gets any request, expected route with a weight above 0, redirect or directResponse: requests "
          "are answered with 500");
    to.directResponse = model::HttpRoute::DirectResponse{500, ""};
    return to;
  }
  convertMirrors(context, object, from, field, to);
  if (from.rewrite) {
    if (!from.rewrite->uri.empty()) to.rewritePath = from.rewrite->uri;
    if (!from.rewrite->authority.empty()) to.rewriteHost = from.rewrite->authority;
    to.rewriteRegex = from.rewrite->regexMatch;
    to.rewriteSubstitution = from.rewrite->regexRewrite;
  }
  to.timeout = from.timeout.value_or(model::Duration{0});
  to.retries = from.retries ? convertRetries(from.retries) : defaultRetries(context.view);
  return to;
}

}  // namespace fairway::normalize
