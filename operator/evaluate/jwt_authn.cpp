#include <algorithm>

#include "base/strings.h"
#include "evaluate/jwt.h"
#include "evaluate/jwt_authn_internal.h"
#include "evaluate/jwt_tokens_internal.h"
#include "evaluate/matchers_internal.h"
#include "evaluate/routes_internal.h"

namespace fairway::evaluate {

using envoy::extensions::filters::http::jwt_authn::v3::JwtAuthentication;
using envoy::extensions::filters::http::jwt_authn::v3::JwtProvider;
using envoy::extensions::filters::http::jwt_authn::v3::JwtRequirement;
using envoy::extensions::filters::http::jwt_authn::v3::PerRouteConfig;
using nlohmann::json;

namespace {

constexpr std::uint64_t kClockSkewSeconds = 60;

struct Status {
  enum class Kind { ok, missing, unknown_issuer, audience, failed, unknown };
  Kind kind = Kind::ok;
  std::string text;
};
using Kind = Status::Kind;

const Status kOk;
const Status kMissing{Kind::missing, "Jwt is missing"};
const Status kUnknownIssuer{Kind::unknown_issuer, "Jwt issuer is not configured"};
const Status kAudience{Kind::audience, "Audiences in Jwt are not allowed"};
const Status kFailed{Kind::failed, "Jwt verification fails"};

// The scheme and a slash at the end do not count.
std::string comparable(std::string audience) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (audience.starts_with(scheme)) {
      audience.erase(0, scheme.size());
      break;
    }
  }
  if (audience.ends_with('/')) audience.pop_back();
  return audience;
}

template <class List>
bool audienceAllowed(const List& wanted, const std::vector<std::string>& given) {
  return wanted.empty() || std::any_of(wanted.begin(), wanted.end(), [&](const std::string& one) {
           return std::any_of(given.begin(), given.end(),
                              [&](const auto& other) { return comparable(one) == comparable(other); });
         });
}

// How Envoy writes a claim into a header; "" for what it does not write.
std::string headerText(const json& claim) {
  if (claim.is_string()) return claim.get<std::string>();
  if (claim.is_boolean()) return claim.get<bool>() ? "true" : "false";
  if (!claim.is_number()) return "";
  const auto value = claim.get<double>();
  const auto whole = static_cast<std::uint64_t>(value < 0 ? 0 : value);
  return value >= 0 && static_cast<double>(whole) == value ? std::to_string(whole) : std::to_string(value);
}

// Verifies one request against requirements.
class Verifier {
 public:
  Verifier(const JwtAuthentication& config, Headers& headers, const std::vector<json>& claims, std::int64_t now)
      : config_(config),
        headers_(headers),
        claims_(claims),
        now_(static_cast<std::uint64_t>(std::max<std::int64_t>(now, 0))) {
    // Whichever provider has an issuer first, Envoy's order of them is not defined.
    std::map<std::string, const JwtProvider*> sorted;
    for (const auto& [name, provider] : config.providers()) sorted[name] = &provider;
    for (const auto& [name, provider] : sorted) all_.push_back(provider);
  }

  Status check(const JwtRequirement& requirement) {
    switch (requirement.requires_type_case()) {
      case JwtRequirement::kProviderName: return byProvider(requirement.provider_name(), nullptr);
      case JwtRequirement::kProviderAndAudiences:
        return byProvider(requirement.provider_and_audiences().provider_name(),
                          &requirement.provider_and_audiences().audiences());
      case JwtRequirement::kRequiresAny: return any(requirement.requires_any());
      case JwtRequirement::kRequiresAll: {
        for (const auto& each : requirement.requires_all().requirements()) {
          if (auto status = check(each); status.kind != Kind::ok) return status;
        }
        return kOk;
      }
      case JwtRequirement::kAllowMissing: return optional(all_, false);
      case JwtRequirement::kAllowMissingOrFailed: return optional(all_, true);
      case JwtRequirement::REQUIRES_TYPE_NOT_SET: return kOk;
      default: return {Kind::unknown, "a JWT requirement of a kind that is not known here"};
    }
  }

  [[nodiscard]] const json& extracted() const { return extracted_; }

 private:
  using Audiences = google::protobuf::RepeatedPtrField<std::string>;

  // Alternatives: the first that holds; of failures the one that tells most. Beside providers, allow_missing and
  // allow_missing_or_failed verify nothing themselves: they say which failures pass.
  Status any(const envoy::extensions::filters::http::jwt_authn::v3::JwtRequirementOrList& list) {
    Status result = kMissing;
    bool allowsMissing = false, allowsFailed = false, others = false;
    for (const auto& each : list.requirements()) {
      allowsMissing |= each.has_allow_missing();
      allowsFailed |= each.has_allow_missing_or_failed();
      if (each.has_allow_missing() || each.has_allow_missing_or_failed()) continue;
      others = true;
      const auto status = check(each);
      if (status.kind == Kind::ok || status.kind == Kind::unknown) return status;
      const bool tellsLittle =
          status.kind == Kind::missing || (status.kind == Kind::unknown_issuer && result.kind != Kind::missing);
      if (!tellsLittle) result = status;
    }
    if (!others && (allowsMissing || allowsFailed)) return optional(all_, allowsFailed);
    return allowsFailed || (allowsMissing && result.kind == Kind::missing) ? kOk : result;
  }

  Status byProvider(const std::string& name, const Audiences* audiences) {
    const auto found = config_.providers().find(name);
    if (found == config_.providers().end()) return {Kind::unknown, "JWT provider \"" + name + "\" is not configured"};
    auto tokens = findTokens({&found->second}, all_, headers_, claims_);
    if (tokens.empty()) return kMissing;
    // Each must be good: the application behind might take any of them.
    for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
      if (auto status = verify(*token, &found->second, audiences); status.kind != Kind::ok) return status;
    }
    return kOk;
  }

  Status optional(const Providers& providers, bool failedToo) {
    auto tokens = findTokens(providers, all_, headers_, claims_);
    Status last = kMissing;
    for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
      last = verify(*token, nullptr, nullptr);
      if (last.kind == Kind::unknown) return last;
    }
    return failedToo || last.kind == Kind::missing ? kOk : last;
  }

  [[nodiscard]] const JwtProvider* providerOf(const std::string& issuer) const {
    const JwtProvider* anyIssuer = nullptr;
    for (const auto* provider : all_) {
      if (provider->issuer() == issuer && !issuer.empty()) return provider;
      if (provider->issuer().empty() && !anyIssuer) anyIssuer = provider;
    }
    return anyIssuer;
  }

  // One token; without a provider it is the issuer's.
  Status verify(const FoundToken& token, const JwtProvider* provider, const Audiences* audiences) {
    const auto jwt = token.claims ? jwtOfClaims(*token.claims) : parseJwt(token.text);
    if (!jwt) return {Kind::failed, jwt.error().message};
    if (!token.mayBeFrom(jwt->issuer)) return kUnknownIssuer;
    if (!provider) provider = providerOf(jwt->issuer);
    if (!provider) return kUnknownIssuer;
    if (provider->has_subjects()) {
      const auto allowed = matchText(provider->subjects(), jwt->subject);
      if (allowed == Truth::unknown) return {Kind::unknown, "subjects of a JWT provider"};
      if (allowed == Truth::no) return kFailed;
    }
    if (auto status = checkTimes(*jwt, *provider); status.kind != Kind::ok) return status;
    if (!audienceAllowed(audiences && !audiences->empty() ? *audiences : provider->audiences(), jwt->audiences)) {
      return kAudience;
    }
    if (auto status = checkKey(*jwt, *provider); status.kind != Kind::ok) return status;
    accept(token, *jwt, *provider);
    return kOk;
  }

  [[nodiscard]] Status checkTimes(const Jwt& jwt, const JwtProvider& provider) const {
    if (jwt.expires == 0 && (provider.require_expiration() || provider.has_max_lifetime())) return kFailed;
    if (provider.has_max_lifetime() &&
        jwt.expires > now_ + static_cast<std::uint64_t>(provider.max_lifetime().seconds())) {
      return kFailed;
    }
    const std::uint64_t skew = provider.clock_skew_seconds() > 0 ? provider.clock_skew_seconds() : kClockSkewSeconds;
    if (now_ + skew < jwt.notBefore) return {Kind::failed, "Jwt not yet valid"};
    if (jwt.expires != 0 && now_ > jwt.expires + skew) return {Kind::failed, "Jwt is expired"};
    return kOk;
  }

  static Status checkKey(const Jwt& jwt, const JwtProvider& provider) {
    if (jwt.trusted) return kOk;
    const auto& keys = provider.local_jwks();
    const bool inside = provider.has_local_jwks() && (keys.has_inline_string() || keys.has_inline_bytes());
    if (!inside)
      return {Kind::unknown, "the keys of issuer \"" + provider.issuer() + "\" are not in the configuration"};
    const auto problem = checkSignature(jwt, keys.has_inline_string() ? keys.inline_string() : keys.inline_bytes());
    if (!problem) return kOk;
    return {problem->unsupported ? Kind::unknown : Kind::failed, problem->text};
  }

  void accept(const FoundToken& token, const Jwt& jwt, const JwtProvider& provider) {
    if (!provider.forward_payload_header().empty()) {
      auto text = jwt.payloadText;
      while (provider.pad_forward_payload_header() && text.size() % 4 != 0) text += '=';
      headers_.add(provider.forward_payload_header(), text);
    }
    for (const auto& each : provider.claim_to_headers()) {
      // Dots lead into objects.
      const json* claim = &jwt.payload;
      for (const auto& key : split(each.claim_name(), '.')) {
        const auto found = claim && claim->is_object() ? claim->find(key) : claim->end();
        claim = claim && claim->is_object() && found != claim->end() ? &*found : nullptr;
        if (!claim) break;
      }
      if (!claim) continue;
      // Lists and objects go as base64 of their text.
      if (claim->is_structured()) headers_.setUnknown(each.header_name(), Truth::yes);
      if (auto text = headerText(*claim); !text.empty()) headers_.add(each.header_name(), std::move(text));
    }
    if (!provider.forward()) removeToken(token, headers_);
    if (!provider.header_in_metadata().empty()) extracted_[provider.header_in_metadata()] = jwt.header;
    if (provider.payload_in_metadata().empty()) return;
    auto payload = jwt.payload;
    for (const auto& name : provider.normalize_payload_in_metadata().space_delimited_claims()) {
      const auto claim = payload.find(name);
      if (claim == payload.end() || !claim->is_string()) continue;
      auto list = json::array();
      for (const auto& part : split(claim->get<std::string>(), ' ')) {
        if (!part.empty()) list.push_back(part);
      }
      *claim = list;
    }
    extracted_[provider.payload_in_metadata()] = std::move(payload);
  }

  const JwtAuthentication& config_;
  Headers& headers_;
  const std::vector<json>& claims_;
  const std::uint64_t now_;
  Providers all_;
  json extracted_ = json::object();
};

bool isPreflight(const Headers& headers) {
  const auto filled = [&](std::string_view name) { return headers.first(name).value_or("") != ""; };
  return headers.first(":method") == "OPTIONS" && filled("origin") && filled("access-control-request-method");
}

// The headers that verified tokens fill in are not the client's to say.
void sanitize(const JwtAuthentication& config, Headers& headers) {
  for (const auto& [name, provider] : config.providers()) {
    if (!provider.forward_payload_header().empty()) headers.remove(provider.forward_payload_header());
    for (const auto& each : provider.claim_to_headers()) headers.remove(each.header_name());
  }
}

JwtOutcome outcomeOf(const Status& status, const json& metadata) {
  JwtOutcome outcome;
  if (status.kind == Kind::ok) {
    outcome.metadata = metadata;
    return outcome;
  }
  outcome.passed = status.kind == Kind::unknown ? Truth::unknown : Truth::no;
  outcome.status = status.kind == Kind::unknown ? 0 : status.kind == Kind::audience ? 403 : 401;
  outcome.text = status.text;
  return outcome;
}

}  // namespace

JwtOutcome authenticate(const JwtAuthentication& config, const PerRouteConfig* route, Headers& headers,
                        const std::vector<json>& claims, std::int64_t now) {
  const auto unknown = [](const std::string& text) { return JwtOutcome{Truth::unknown, 0, text, json::object()}; };
  if (config.has_filter_state_rules()) return unknown("JWT requirements chosen by filter state");
  if (config.bypass_cors_preflight() && isPreflight(headers)) return {};
  const JwtRequirement* requirement = nullptr;
  const auto named = [&](const std::string& name) -> bool {
    const auto found = config.requirement_map().find(name);
    if (found != config.requirement_map().end()) requirement = &found->second;
    return requirement != nullptr;
  };
  if (route) {
    if (route->disabled()) return {};
    if (!named(route->requirement_name())) {
      return {Truth::no, 403, "Failed JWT authentication: Wrong requirement_name: " + route->requirement_name(), {}};
    }
  } else {
    for (const auto& rule : config.rules()) {
      const auto matched = matchRoute(rule.match(), headers, nullptr);
      if (matched == Truth::unknown) return unknown("the match of a JWT rule");
      if (matched == Truth::no) continue;
      if (rule.has_requires_()) requirement = &rule.requires_();
      if (!rule.requirement_name().empty() && !named(rule.requirement_name())) {
        return unknown("JWT requirement \"" + rule.requirement_name() + "\" is not configured");
      }
      break;
    }
  }
  sanitize(config, headers);
  if (!requirement) return {};
  Verifier verifier(config, headers, claims, now);
  const auto status = verifier.check(*requirement);
  return outcomeOf(status, verifier.extracted());
}

}  // namespace fairway::evaluate
