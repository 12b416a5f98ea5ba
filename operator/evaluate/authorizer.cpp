#include "evaluate/authorizer_internal.h"
#include "evaluate/matchers_internal.h"

namespace fairway::evaluate {

using HttpAuthorizer = envoy::extensions::filters::http::ext_authz::v3::ExtAuthz;
using NetworkAuthorizer = envoy::extensions::filters::network::ext_authz::v3::ExtAuthz;

namespace {

constexpr int kForbidden = 403;

std::string nameOf(const envoy::config::core::v3::GrpcService& service) {
  return service.has_envoy_grpc() ? service.envoy_grpc().cluster_name() : service.google_grpc().target_uri();
}

// Whether it is asked, as far as metadata and shares of requests decide.
Truth enabled(const HttpAuthorizer& config, const Metadata& metadata) {
  Truth asked = Truth::yes;
  if (config.has_filter_enabled()) {
    using envoy::type::v3::FractionalPercent;
    const auto& share = config.filter_enabled().default_value();
    const auto whole = share.denominator() == FractionalPercent::HUNDRED        ? 100U
                       : share.denominator() == FractionalPercent::TEN_THOUSAND ? 10000U
                                                                                : 1000000U;
    asked = share.numerator() >= whole ? Truth::yes : share.numerator() == 0 ? Truth::no : Truth::unknown;
  }
  if (asked == Truth::no || !config.has_filter_enabled_metadata()) return asked;
  const auto wanted = matchMetadata(config.filter_enabled_metadata(), metadata);
  return wanted == Truth::yes ? asked : wanted;
}

AuthorizerOutcome refusal(int status, const char* details) { return {Truth::no, "", "", false, status, details}; }

AuthorizerOutcome ask(const std::string& name, const Answers& answers, bool failOpen, int statusOnError) {
  AuthorizerOutcome outcome;
  const auto answer = answers.find(name);
  if (answer == answers.end()) {
    outcome.open = true;
  } else if (answer->second == Answer::deny) {
    outcome = refusal(kForbidden, "ext_authz_denied");
  } else if (answer->second == Answer::error && !failOpen) {
    outcome = refusal(statusOnError, "ext_authz_error");
  }
  outcome.asked = name;
  return outcome;
}

AuthorizerOutcome notKnown() { return {Truth::unknown, "whether the external authorizer is asked", "", false, 0, ""}; }

}  // namespace

AuthorizerOutcome authorize(const HttpAuthorizer& config, const Metadata& metadata, const Answers& answers) {
  const auto asked = enabled(config, metadata);
  if (asked == Truth::unknown) return notKnown();
  const int statusOnError = config.has_status_on_error() ? config.status_on_error().code() : kForbidden;
  if (asked == Truth::no) {
    return config.deny_at_disable().default_value().value() ? refusal(statusOnError, "ext_authz_denied")
                                                            : AuthorizerOutcome();
  }
  const auto name =
      config.has_http_service() ? config.http_service().server_uri().cluster() : nameOf(config.grpc_service());
  return ask(name, answers, config.failure_mode_allow(), statusOnError);
}

AuthorizerOutcome authorize(const NetworkAuthorizer& config, const Metadata& metadata, const Answers& answers) {
  if (config.has_filter_enabled_metadata()) {
    const auto asked = matchMetadata(config.filter_enabled_metadata(), metadata);
    if (asked == Truth::unknown) return notKnown();
    if (asked == Truth::no) return {};
  }
  return ask(nameOf(config.grpc_service()), answers, config.failure_mode_allow(), 0);
}

}  // namespace fairway::evaluate
