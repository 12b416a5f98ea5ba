#include "translate/rate_limits.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <envoy/config/route/v3/route_components.pb.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/http/ratelimit/v3/rate_limit.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/rate_limit_descriptors/expr/v3/expr.pb.h>
#include <ratelimit/config/ratelimit/v3/rls_conf.pb.h>

#include "base/strings.h"
#include "normalize/queries.h"
#include "translate/any.h"
#include "translate/compute.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace core = envoy::config::core::v3;
namespace common = envoy::extensions::common::ratelimit::v3;
namespace local = envoy::extensions::filters::http::local_ratelimit::v3;
namespace global = envoy::extensions::filters::http::ratelimit::v3;
namespace service = ::ratelimit::config::ratelimit::v3;
using envoy::config::route::v3::RateLimit_Action;
using model::RateLimit;
using Kind = model::StringMatcher::Type;
using Descriptor = RateLimit::Descriptor::Type;

namespace {

constexpr std::string_view kLocalFilter = "envoy.filters.http.local_ratelimit";
constexpr std::string_view kGlobalFilter = "envoy.filters.http.ratelimit";
constexpr const char* kJwtFilter = "envoy.filters.http.jwt_authn";
constexpr const char* kRule = "rule";
constexpr const char* kMatch = "match";
constexpr const char* kScheme = "spiffe://";
constexpr std::uint32_t kTooManyRequests = 429;

// The peer's URI SAN: none without a certificate, and then there is no descriptor either.
constexpr const char* kPrincipal = "connection.uri_san_peer_certificate";
constexpr const char* kNamespace =
    "re.extract(connection.uri_san_peer_certificate, '^spiffe://[^/]+/ns/([^/]+)/sa/[^/]+$', '\\\\1')";

// --- conditions, as expressions ------------------------------------------------------------------

std::string compared(const std::string& subject, const model::StringMatcher& text) {
  switch (text.type) {
    case Kind::exact: return subject + " == " + celText(text.value);
    case Kind::prefix: return subject + ".startsWith(" + celText(text.value) + ")";
    case Kind::suffix: return subject + ".endsWith(" + celText(text.value) + ")";
    case Kind::regex: return subject + ".matches(" + celText("^(?:" + text.value + ")$") + ")";
    case Kind::present: return "true";
  }
  return "true";
}

std::string headerCondition(const model::HttpMatch::Named& header) {
  const auto name = celText(header.name);
  const auto there = name + " in request.headers";
  if (header.matcher.type == Kind::present) return there;
  return there + " && " + compared("request.headers[" + name + "]", header.matcher);
}

std::string conditionOf(const RateLimit::Match& match) {
  std::vector<std::string> parts;
  if (match.path) parts.push_back(compared("request.url_path", *match.path));
  if (match.method) parts.push_back(compared("request.method", *match.method));
  for (const auto& header : match.headers) parts.push_back(headerCondition(header));
  return parts.empty() ? "true" : join(parts, " && ");
}

// An expression without a value, an error, is what keeps a request out of a rule: a map without the key asked for.
std::string onlyIf(const std::vector<RateLimit::Match>& matches) {
  std::vector<std::string> alternatives;
  for (const auto& match : matches) alternatives.push_back("(" + conditionOf(match) + ")");
  return "{true: 'true'}[" + join(alternatives, " || ") + "]";
}

// --- descriptors ---------------------------------------------------------------------------------

// One entry of a descriptor: its key, and the value that a limit asks for (empty: any).
struct Entry {
  std::string key, value;
};

Entry entryOf(const RateLimit::Descriptor& descriptor) {
  const auto& value = descriptor.value;
  switch (descriptor.type) {
    case Descriptor::path: return {"path", value};
    case Descriptor::method: return {"method", value};
    case Descriptor::header: return {"header." + descriptor.header, value};
    case Descriptor::source_principal: return {"source.principal", value.empty() ? value : kScheme + value};
    case Descriptor::source_namespace: return {"source.namespace", value};
    case Descriptor::claim: return {"claim." + join(descriptor.claim, "."), value};
    case Descriptor::remote_address: return {"remote_address", value};  // Envoy's own name
    case Descriptor::constant: return {"constant", value};
  }
  return {};
}

std::vector<Entry> entriesOf(const RateLimit::Rule& rule) {
  std::vector<Entry> entries{{kRule, rule.name}};
  if (!rule.match.empty()) entries.push_back({kMatch, "true"});
  for (const auto& descriptor : rule.descriptors) entries.push_back(entryOf(descriptor));
  return entries;
}

void setExpression(RateLimit_Action& out, const std::string& key, const std::string& expression) {
  envoy::extensions::rate_limit_descriptors::expr::v3::Descriptor config;
  config.set_descriptor_key(key);
  config.set_text(expression);
  out.mutable_extension()->set_name("envoy.rate_limit_descriptors.expr");
  packAny(config, *out.mutable_extension()->mutable_typed_config());
}

void setConstant(RateLimit_Action& out, const std::string& key, const std::string& value) {
  out.mutable_generic_key()->set_descriptor_key(key);
  out.mutable_generic_key()->set_descriptor_value(value);
}

void setHeader(RateLimit_Action& out, const std::string& key, const std::string& name) {
  out.mutable_request_headers()->set_header_name(name);
  out.mutable_request_headers()->set_descriptor_key(key);
}

// Claims of validated tokens alone are in the metadata.
void setClaim(RateLimit_Action& out, const std::string& key, const std::vector<std::string>& claim) {
  auto& metadata = *out.mutable_metadata();
  metadata.set_descriptor_key(key);
  metadata.set_source(RateLimit_Action::MetaData::DYNAMIC);
  metadata.mutable_metadata_key()->set_key(kJwtFilter);
  metadata.mutable_metadata_key()->add_path()->set_key("payload");
  for (const auto& part : claim) metadata.mutable_metadata_key()->add_path()->set_key(part);
}

void setAction(RateLimit_Action& out, const RateLimit::Descriptor& descriptor) {
  const auto key = entryOf(descriptor).key;
  switch (descriptor.type) {
    case Descriptor::path: return setExpression(out, key, "request.url_path");
    case Descriptor::method: return setHeader(out, key, ":method");
    case Descriptor::header: return setHeader(out, key, descriptor.header);
    case Descriptor::source_principal: return setExpression(out, key, kPrincipal);
    case Descriptor::source_namespace: return setExpression(out, key, kNamespace);
    case Descriptor::claim: return setClaim(out, key, descriptor.claim);
    case Descriptor::remote_address: out.mutable_remote_address(); return;
    case Descriptor::constant: return setConstant(out, key, descriptor.value);
  }
}

template <class Config>
void addActions(Config& out, const std::vector<RateLimit::Rule>& rules) {
  for (const auto& rule : rules) {
    auto& actions = *out.add_rate_limits()->mutable_actions();
    setConstant(*actions.Add(), kRule, rule.name);
    if (!rule.match.empty()) setExpression(*actions.Add(), kMatch, onlyIf(rule.match));
    for (const auto& descriptor : rule.descriptors) setAction(*actions.Add(), descriptor);
  }
}

// --- filters -------------------------------------------------------------------------------------

std::chrono::seconds seconds(RateLimit::Unit unit) {
  switch (unit) {
    case RateLimit::Unit::second: return std::chrono::seconds(1);
    case RateLimit::Unit::minute: return std::chrono::minutes(1);
    case RateLimit::Unit::hour: return std::chrono::hours(1);
    case RateLimit::Unit::day: return std::chrono::hours(24);
  }
  return std::chrono::seconds(1);
}

void setShare(core::RuntimeFractionalPercent& out, bool all) {
  out.mutable_default_value()->set_numerator(all ? 100 : 0);
}

// What both filters call the same.
template <class Config>
void setAnswers(Config& out, const RateLimit& limit) {
  out.set_stat_prefix(limit.id());
  setShare(*out.mutable_filter_enabled(), true);
  setShare(*out.mutable_filter_enforced(), limit.enforced);
  out.set_rate_limited_as_resource_exhausted(true);
  if (limit.quotaHeaders) {
    out.set_enable_x_ratelimit_headers(
        static_cast<decltype(out.enable_x_ratelimit_headers())>(common::DRAFT_VERSION_03));
  }
  for (const auto& [name, value] : limit.responseHeaders) {
    auto& header = *out.add_response_headers_to_add();
    header.mutable_header()->set_key(name);
    header.mutable_header()->set_value(value);
    header.set_append_action(core::HeaderValueOption::OVERWRITE_IF_EXISTS_OR_ADD);
  }
  addActions(out, limit.rules);
}

local::LocalRateLimit localFilter(const RateLimit& limit) {
  local::LocalRateLimit out;
  setAnswers(out, limit);
  out.mutable_status()->set_code(static_cast<envoy::type::v3::StatusCode>(limit.status));
  out.mutable_max_dynamic_descriptors()->set_value(limit.maxCounters);
  for (const auto& rule : limit.rules) {
    auto& descriptor = *out.add_descriptors();
    for (const auto& entry : entriesOf(rule)) {
      auto& to = *descriptor.add_entries();
      to.set_key(entry.key);
      to.set_value(entry.value);
    }
    auto& bucket = *descriptor.mutable_token_bucket();
    bucket.set_max_tokens(rule.burst);
    bucket.mutable_tokens_per_fill()->set_value(rule.requests);
    setDuration(*bucket.mutable_fill_interval(), seconds(rule.unit));
  }
  return out;
}

global::RateLimit globalFilter(const RateLimit& limit) {
  global::RateLimit out;
  setAnswers(out, limit);
  out.set_domain(limit.id());
  if (limit.status != kTooManyRequests) {
    out.mutable_rate_limited_status()->set_code(static_cast<envoy::type::v3::StatusCode>(limit.status));
  }
  const auto& asked = *limit.service;
  // A limit that only counts refuses nobody, whatever becomes of the service.
  out.set_failure_mode_deny(asked.failClosed && limit.enforced);
  setDuration(*out.mutable_timeout(), asked.timeout);
  out.mutable_rate_limit_service()->set_transport_api_version(core::V3);
  auto& grpc = *out.mutable_rate_limit_service()->mutable_grpc_service();
  grpc.mutable_envoy_grpc()->set_cluster_name(clusterName(asked.port, "", asked.host));
  grpc.mutable_envoy_grpc()->set_authority(asked.host);
  return out;
}

// --- the service ---------------------------------------------------------------------------------

service::RateLimitUnit serviceUnit(RateLimit::Unit unit) {
  switch (unit) {
    case RateLimit::Unit::second: return service::SECOND;
    case RateLimit::Unit::minute: return service::MINUTE;
    case RateLimit::Unit::hour: return service::HOUR;
    case RateLimit::Unit::day: return service::DAY;
  }
  return service::SECOND;
}

service::RateLimitConfig serviceConfig(const RateLimit& limit) {
  service::RateLimitConfig out;
  out.set_name(limit.id());
  out.set_domain(limit.id());
  for (const auto& rule : limit.rules) {
    auto* siblings = out.mutable_descriptors();
    service::RateLimitDescriptor* last = nullptr;
    for (const auto& entry : entriesOf(rule)) {
      last = siblings->Add();
      last->set_key(entry.key);
      last->set_value(entry.value);
      siblings = last->mutable_descriptors();
    }
    last->mutable_rate_limit()->set_unit(serviceUnit(rule.unit));
    last->mutable_rate_limit()->set_requests_per_unit(rule.requests);
  }
  return out;
}

}  // namespace

void addRateLimits(HttpFilters& filters, const std::vector<RateLimit>& limits) {
  for (const auto& limit : limits) {
    // Each has a name of its own, for EnvoyFilters and for who reads a dump.
    if (limit.service) {
      setFilter(*filters.Add(), std::string(kGlobalFilter) + "." + limit.id(), globalFilter(limit));
    } else {
      setFilter(*filters.Add(), std::string(kLocalFilter) + "." + limit.id(), localFilter(limit));
    }
  }
}

bool looksAtPath(const std::vector<RateLimit>& limits) {
  const auto byPath = [](const RateLimit::Rule& rule) {
    return std::any_of(rule.match.begin(), rule.match.end(),
                       [](const auto& match) { return match.path.has_value(); }) ||
           std::any_of(rule.descriptors.begin(), rule.descriptors.end(),
                       [](const auto& descriptor) { return descriptor.type == Descriptor::path; });
  };
  return std::any_of(limits.begin(), limits.end(), [&](const RateLimit& limit) {
    return std::any_of(limit.rules.begin(), limit.rules.end(), byPath);
  });
}

std::string celText(std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    // Bytes beyond ASCII are parts of UTF-8, which stands for itself.
    if (c == '\'' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kDigits[byte >> 4U];
      out += kDigits[byte & 0xfU];
    } else {
      out += c;
    }
  }
  return out + "'";
}

Output computeRateLimitServiceScope(store::View& view, const RateLimitServiceScope&) {
  Output output;
  for (const auto& limit : view.ask(normalize::ServiceRateLimits{})) {
    output.resources.push_back(
        makeResource(translate::Type::rate_limit, limit.id(), serviceConfig(limit), {limit.provenance}));
  }
  return output;
}

}  // namespace fairway::translate
