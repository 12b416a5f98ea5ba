#include "normalize/rate_limits.h"

#include <algorithm>
#include <utility>

#include "api/rate_limit.h"
#include "base/strings.h"
#include "normalize/http_match.h"
#include "normalize/objects.h"
#include "normalize/policy_target.h"

namespace fairway::normalize {

namespace {

using model::RateLimit;
using Spec = api::RateLimitSpec;

// Where the chart of the control plane installs the service, with its own port.
constexpr const char* kServiceName = "ratelimit";
constexpr std::uint32_t kServicePort = 8081;
constexpr std::chrono::milliseconds kServiceTimeout{100};
constexpr std::uint32_t kMaxCounters = 1000;

RateLimit::Descriptor::Type typeOf(Spec::Descriptor::Type type) {
  using From = Spec::Descriptor::Type;
  using To = RateLimit::Descriptor::Type;
  switch (type) {
    case From::path: return To::path;
    case From::method: return To::method;
    case From::header: return To::header;
    case From::source_principal: return To::source_principal;
    case From::source_namespace: return To::source_namespace;
    case From::claim: return To::claim;
    case From::remote_address: return To::remote_address;
    case From::constant: return To::constant;
  }
  return To::constant;
}

RateLimit::Unit unitOf(Spec::Limit::Unit unit) {
  using From = Spec::Limit::Unit;
  switch (unit) {
    case From::second: return RateLimit::Unit::second;
    case From::minute: return RateLimit::Unit::minute;
    case From::hour: return RateLimit::Unit::hour;
    case From::day: return RateLimit::Unit::day;
  }
  return RateLimit::Unit::second;
}

RateLimit::Match matchOf(const Spec::Match& from) {
  RateLimit::Match to;
  if (from.path) to.path = convertMatcher(*from.path);
  if (from.method) to.method = convertMatcher(*from.method);
  for (const auto& [name, text] : from.headers) to.headers.push_back({toLower(name), convertMatcher(text), false});
  return to;
}

RateLimit::Descriptor descriptorOf(const Spec::Descriptor& from) {
  RateLimit::Descriptor to;
  to.type = typeOf(from.type);
  to.value = from.value;
  if (from.type == Spec::Descriptor::Type::header) to.header = toLower(from.name);
  if (from.type == Spec::Descriptor::Type::claim) to.claim = split(from.name, '.');
  return to;
}

RateLimit::Rule ruleOf(const Spec::Rule& from, std::size_t index) {
  RateLimit::Rule to;
  to.name = from.name.empty() ? "rules[" + std::to_string(index) + "]" : from.name;
  for (const auto& match : from.match) to.match.push_back(matchOf(match));
  for (const auto& descriptor : from.descriptors) to.descriptors.push_back(descriptorOf(descriptor));
  to.requests = from.limit.requests;
  to.unit = unitOf(from.limit.unit);
  to.burst = from.limit.burst.value_or(from.limit.requests);
  return to;
}

std::string serviceHost(store::View& view) {
  const auto& mesh = view.mesh();
  return std::string(kServiceName) + "." + mesh.rootNamespace + ".svc." + mesh.clusterDomain;
}

RateLimit::Service serviceOf(store::View& view, const api::RateLimit& object) {
  RateLimit::Service service;
  service.host = serviceHost(view);
  service.port = kServicePort;
  service.timeout = object.spec.global->timeout.value_or(kServiceTimeout);
  service.failClosed = object.spec.global->failClosed;
  const auto& found = view.ask(ServiceOf{service.host});
  if (!found || found->port(service.port) == nullptr) {
    warning(view, provenanceOf(object), "spec.global",
            "there is no rate limit service: expected a Service " + std::string(kServiceName) + " in namespace " +
                view.mesh().rootNamespace + " with port " + std::to_string(service.port) +
                " (the chart's rateLimit.enabled); until then requests " +
                (service.failClosed ? "are refused" : "pass uncounted"));
  }
  return service;
}

// Nothing, with a note, if the object counts nothing.
std::optional<RateLimit> rateLimitOf(store::View& view, const api::RateLimit& object) {
  const auto& spec = object.spec;
  const Errors errors(object);
  if (errors.outside({"spec.rules"}) || errors.atList("spec.rules", spec.rules.size())) {
    error(view, provenanceOf(object), "spec", "the object has errors: it limits nothing");
    return std::nullopt;
  }
  RateLimit limit;
  limit.provenance = provenanceOf(object);
  for (std::size_t i = 0; i < spec.rules.size(); ++i) {
    if (errors.atItem("spec.rules", i)) {
      const auto rule = "rules[" + std::to_string(i) + "]";
      error(view, provenanceOf(object, rule), "spec." + rule, "it has errors and is left out: it limits nothing");
      continue;
    }
    limit.rules.push_back(ruleOf(spec.rules[i], i));
  }
  if (limit.rules.empty()) return std::nullopt;
  if (spec.global) limit.service = serviceOf(view, object);
  if (spec.local) limit.maxCounters = spec.local->maxCounters.value_or(kMaxCounters);
  limit.status = spec.response.status;
  for (const auto& [name, value] : spec.response.headers) limit.responseHeaders.emplace_back(toLower(name), value);
  limit.quotaHeaders = spec.response.quotaHeaders;
  limit.enforced = !spec.shadow;
  return limit;
}

// Whether a workload is the service that counts: asking it is no request to be counted, or it would be asked without end.
bool countsItself(store::View& view, const RateLimitsOf& query) {
  if (query.gateway || query.ns != view.mesh().rootNamespace) return false;
  const auto& hosts = view.ask(WorkloadServices{query.ns, query.labels});
  return std::find(hosts.begin(), hosts.end(), serviceHost(view)) != hosts.end();
}

}  // namespace

RateLimitsOf::Value rateLimitsOf(store::View& view, const RateLimitsOf& query) {
  RateLimitsOf::Value result;
  auto objects = policiesFor<api::RateLimit>(view, query.ns, query.labels);
  std::stable_partition(objects.begin(), objects.end(),
                        [&](const auto* object) { return object->meta.ns == view.mesh().rootNamespace; });
  for (const auto* object : objects) {
    if ((object->spec.context == Spec::Context::gateway) != query.gateway) continue;
    auto limit = rateLimitOf(view, *object);
    if (!limit || (limit->service && countsItself(view, query))) continue;
    result.push_back(std::move(*limit));
  }
  return result;
}

ServiceRateLimits::Value serviceRateLimits(store::View& view, const ServiceRateLimits&) {
  ServiceRateLimits::Value result;
  for (const auto* object : view.listAll<api::RateLimit>()) {
    if (!object->spec.global) continue;
    if (auto limit = rateLimitOf(view, *object)) result.push_back(std::move(*limit));
  }
  return result;
}

}  // namespace fairway::normalize
