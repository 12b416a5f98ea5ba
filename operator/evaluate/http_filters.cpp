#include <algorithm>

#include <envoy/extensions/filters/http/ext_authz/v3/ext_authz.pb.h>
#include <envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit.pb.h>
#include <envoy/extensions/filters/http/ratelimit/v3/rate_limit.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <google/protobuf/util/json_util.h>

#include "evaluate/authorizer_internal.h"
#include "evaluate/http_internal.h"
#include "evaluate/jwt_authn_internal.h"
#include "evaluate/matchers_internal.h"
#include "evaluate/proto_json_internal.h"
#include "evaluate/routes_internal.h"
#include "evaluate/understood.h"

namespace fairway::evaluate {

namespace ext_authz = envoy::extensions::filters::http::ext_authz::v3;
namespace global_ratelimit = envoy::extensions::filters::http::ratelimit::v3;
namespace http_rbac = envoy::extensions::filters::http::rbac::v3;
namespace jwt_authn = envoy::extensions::filters::http::jwt_authn::v3;
namespace local_ratelimit = envoy::extensions::filters::http::local_ratelimit::v3;
using envoy::config::route::v3::RouteConfiguration;
using nlohmann::json;
using Kind = HttpStep::Kind;

namespace {

constexpr const char* kRbac = "envoy.filters.http.rbac";
constexpr const char* kJwtAuthn = "envoy.filters.http.jwt_authn";

template <class Config>
void unpack(const google::protobuf::Any& any, HttpStep& step, Kind kind) {
  auto config = std::make_shared<Config>();
  if (!any.UnpackTo(config.get())) {
    step.text = "the configuration of " + step.name;
    return;
  }
  if (const auto field = notUnderstood(*config)) {
    step.text = *field;
    return;
  }
  step.kind = kind;
  step.config = std::move(config);
}

// How many requests came before is not known here: a limit may refuse any request, unless it only counts. `enforces`: what
// the filter does that does not say. Runtime keys, which could change the share, are nobody's here.
template <class Config>
Kind limits(const google::protobuf::Any& any, bool enforces) {
  Config config;
  if (!any.UnpackTo(&config)) return Kind::limits;
  if (config.has_filter_enforced()) {
    const auto& share = config.filter_enforced();
    enforces = share.default_value().numerator() > 0 || !share.runtime_key().empty();
  }
  return enforces ? Kind::limits : Kind::passes;
}

HttpStep compileStep(const envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter& filter) {
  HttpStep step;
  step.name = filter.name();
  const auto type = typeOf(filter.typed_config());
  const std::string prefix = "envoy.extensions.filters.http.";
  if (filter.has_config_discovery() || filter.disabled() || !type.starts_with(prefix)) {
    step.text = "the configuration of " + step.name;
    if (filter.disabled()) step.kind = Kind::passes;
    return step;
  }
  const auto name = type.substr(prefix.size(), type.find('.', prefix.size()) - prefix.size());
  if (name == "rbac") {
    unpack<http_rbac::RBAC>(filter.typed_config(), step, Kind::rbac);
  } else if (name == "jwt_authn") {
    unpack<jwt_authn::JwtAuthentication>(filter.typed_config(), step, Kind::jwt_authn);
    if (step.config) {
      for (const auto& [key, provider] : static_cast<const jwt_authn::JwtAuthentication&>(*step.config).providers()) {
        if (const auto field = notUnderstood(provider)) {
          step.kind = Kind::unknown;
          step.text = *field;
        }
      }
    }
  } else if (name == "ext_authz") {
    unpack<ext_authz::ExtAuthz>(filter.typed_config(), step, Kind::ext_authz);
  } else if (name == "router") {
    step.kind = Kind::router;
  } else if (name == "cors") {
    step.kind = Kind::cors;
  } else if (name == "fault") {
    step.kind = Kind::fault;
  } else if (name == "grpc_stats" || name == "compressor" || name == "on_demand" || name == "stateful_session" ||
             name == "set_filter_state" || name == "dynamic_forward_proxy") {
    step.kind = Kind::passes;
  } else if (name == "local_ratelimit") {
    step.kind = limits<local_ratelimit::LocalRateLimit>(filter.typed_config(), false);
  } else if (name == "ratelimit") {
    step.kind = limits<global_ratelimit::RateLimit>(filter.typed_config(), true);
  } else {
    step.text = "HTTP filter " + step.name;
  }
  return step;
}

void unknown(Verdict& verdict, const std::string& filter, const std::string& text) {
  verdict.outcome = Outcome::unknown;
  verdict.filter = filter;
  verdict.text = text;
}

void deny(Verdict& verdict, const std::string& filter, int status, const std::string& text,
          const std::string& details) {
  verdict.outcome = Outcome::deny;
  verdict.filter = filter;
  verdict.status = status;
  verdict.text = text;
  verdict.details = details;
}

std::string withoutBlanks(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

// One request on its way. Each step says whether the request goes on.
class Way {
 public:
  Way(const HttpProgram& program, const RouteConfiguration* routes, Prepared& prepared, RuleContext context,
      const Question& question, bool explain, Verdict& verdict)
      : program_(program),
        routes_(routes),
        headers_(prepared.headers),
        context_(std::move(context)),
        question_(question),
        explain_(explain),
        verdict_(verdict) {
    context_.headers = &headers_;
    context_.metadata = &metadata_;
    choose();
  }

  void go() {
    for (const auto& step : program_.steps) {
      switch (step.kind) {
        case Kind::passes: continue;
        case Kind::cors:
          if (isPreflight() && ofRoute(step.name))
            return unknown(verdict_, step.name, "the answer to a CORS preflight");
          continue;
        case Kind::fault:
          if (!ofRoute(step.name)) continue;
          result(step).action = FilterResult::Action::noted;
          verdict_.filters.back().note = "may delay or abort the request: its route injects faults";
          continue;
        case Kind::limits:
          result(step).action = FilterResult::Action::noted;
          verdict_.filters.back().note = "may refuse requests that are too many";
          continue;
        case Kind::rbac:
          if (!passRbac(step)) return;
          continue;
        case Kind::jwt_authn:
          if (!passJwt(step)) return;
          continue;
        case Kind::ext_authz:
          if (!passAuthorizer(step)) return;
          continue;
        case Kind::router: return arrive();
        case Kind::unknown: return unknown(verdict_, step.name, step.text);
      }
    }
    unknown(verdict_, "", "a connection manager without router");
  }

 private:
  FilterResult& result(const HttpStep& step) {
    auto& added = verdict_.filters.emplace_back();
    added.name = step.name;
    return added;
  }

  [[nodiscard]] bool isPreflight() const {
    return headers_.first(":method") == "OPTIONS" && headers_.first("origin") &&
           headers_.first("access-control-request-method");
  }

  // The route that holds from here on.
  void choose() {
    context_.routeMetadata = nullptr;
    if (!routes_) return;
    chosen_ = chooseRoute(*routes_, headers_, metadata_);
    routeMetadata_.clear();
    if (chosen_.found != Truth::yes) return;
    for (const auto& [name, values] : chosen_.route->metadata().filter_metadata()) {
      std::string text;
      if (google::protobuf::util::MessageToJsonString(values, &text).ok()) routeMetadata_[name] = json::parse(text);
    }
    context_.routeMetadata = &routeMetadata_;
  }

  // The route's own configuration of a filter, or its virtual host's; null: none.
  [[nodiscard]] const google::protobuf::Any* ofRoute(const std::string& name) const {
    if (chosen_.route) {
      const auto& own = chosen_.route->typed_per_filter_config();
      if (const auto found = own.find(name); found != own.end()) return &found->second;
    }
    if (chosen_.host) {
      const auto& own = chosen_.host->typed_per_filter_config();
      if (const auto found = own.find(name); found != own.end()) return &found->second;
    }
    return nullptr;
  }

  // Whether a filter might be configured by a route that is not known.
  [[nodiscard]] bool routeUnclear(const std::string& name) const {
    if (!routes_) return false;
    if (chosen_.found != Truth::unknown) return false;
    return std::any_of(chosen_.host->routes().begin(), chosen_.host->routes().end(),
                       [&](const auto& route) { return route.typed_per_filter_config().contains(name); });
  }

  bool passRbac(const HttpStep& step) {
    const auto* config = static_cast<const http_rbac::RBAC*>(step.config.get());
    http_rbac::RBACPerRoute route;
    if (routeUnclear(step.name)) return unknown(verdict_, step.name, chosen_.text), false;
    if (const auto* own = ofRoute(step.name)) {
      if (!own->UnpackTo(&route) || notUnderstood(route.rbac())) {
        return unknown(verdict_, step.name, "the route's configuration of " + step.name), false;
      }
      config = &route.rbac();
      if (!route.has_rbac()) return true;
    }
    auto& out = result(step);
    if (config->has_shadow_rules()) shadow(*config, out);
    if (!config->has_rules()) return true;
    auto decision = decide(config->rules(), context_, explain_);
    out.kind = envoy::config::rbac::v3::RBAC::Action_Name(config->rules().action());
    out.policy = decision.policy;
    out.policies = std::move(decision.policies);
    if (decision.allowed == Truth::unknown) {
      out.action = FilterResult::Action::unknown;
      return unknown(verdict_, step.name, "a condition of the rules"), false;
    }
    const bool allowed = decision.allowed == Truth::yes;
    json values{{config->rules_stat_prefix() + "enforced_engine_result", allowed ? "allowed" : "denied"}};
    if (!out.policy.empty()) values[config->rules_stat_prefix() + "enforced_effective_policy_id"] = out.policy;
    merge(metadata_, kRbac, values);
    if (allowed) return true;
    out.action = FilterResult::Action::denied;
    verdict_.policy = out.policy;
    deny(verdict_, step.name, 403, "RBAC: access denied",
         "rbac_access_denied_matched_policy[" + withoutBlanks(out.policy.empty() ? "none" : out.policy) + "]");
    return false;
  }

  // Rules on trial change nothing but metadata.
  void shadow(const http_rbac::RBAC& config, FilterResult& out) {
    const auto decision = decide(config.shadow_rules(), context_, false);
    const auto& prefix = config.shadow_rules_stat_prefix();
    if (decision.allowed == Truth::unknown) {
      out.shadowResult = "unknown";
      return;
    }
    out.shadowResult = decision.allowed == Truth::yes ? "allowed" : "denied";
    out.shadowPolicy = decision.policy;
    json values{{prefix + "shadow_engine_result", out.shadowResult}};
    if (!decision.policy.empty()) values[prefix + "shadow_effective_policy_id"] = decision.policy;
    merge(metadata_, kRbac, values);
  }

  bool passJwt(const HttpStep& step) {
    if (routeUnclear(step.name)) return unknown(verdict_, step.name, chosen_.text), false;
    jwt_authn::PerRouteConfig route;
    const auto* own = ofRoute(step.name);
    if (own && !own->UnpackTo(&route)) {
      return unknown(verdict_, step.name, "the route's configuration of " + step.name), false;
    }
    const auto& config = static_cast<const jwt_authn::JwtAuthentication&>(*step.config);
    const auto outcome =
        authenticate(config, own ? &route : nullptr, headers_, question_.request->claims, question_.now);
    auto& out = result(step);
    if (outcome.passed == Truth::unknown) {
      out.action = FilterResult::Action::unknown;
      return unknown(verdict_, step.name, outcome.text), false;
    }
    if (outcome.passed == Truth::no) {
      out.action = FilterResult::Action::denied;
      deny(verdict_, step.name, outcome.status, config.strip_failure_response() ? "" : outcome.text,
           "jwt_authn_access_denied{" + withoutBlanks(outcome.text) + "}");
      return false;
    }
    if (outcome.metadata.empty()) return true;
    merge(metadata_, kJwtAuthn, outcome.metadata);
    const bool again = std::any_of(config.providers().begin(), config.providers().end(),
                                   [](const auto& each) { return each.second.clear_route_cache(); });
    if (again) choose();
    return true;
  }

  bool passAuthorizer(const HttpStep& step) {
    const auto& config = static_cast<const ext_authz::ExtAuthz&>(*step.config);
    if (ofRoute(step.name) || routeUnclear(step.name)) {
      return unknown(verdict_, step.name, "the route's configuration of " + step.name), false;
    }
    const auto outcome = authorize(config, metadata_, question_.request->answers);
    if (outcome.passed == Truth::unknown) return unknown(verdict_, step.name, outcome.text), false;
    if (outcome.passed == Truth::yes && outcome.asked.empty()) return true;
    auto& out = result(step);
    out.action = outcome.passed == Truth::yes ? FilterResult::Action::noted : FilterResult::Action::denied;
    if (!outcome.asked.empty()) out.note = "asks " + outcome.asked;
    if (outcome.open) verdict_.asks.push_back(outcome.asked);
    if (outcome.passed == Truth::yes) return true;
    deny(verdict_, step.name, outcome.status, "", outcome.details);
    return false;
  }

  void arrive() {
    if (!routes_)
      return unknown(verdict_, "", "the routes " + program_.manager.rds().route_config_name() + " are not given");
    if (chosen_.found == Truth::unknown) return unknown(verdict_, "", chosen_.text);
    if (chosen_.found == Truth::no) return answer(404, "", "route_not_found");
    const auto& route = *chosen_.route;
    verdict_.route = route.name();
    using envoy::config::route::v3::VirtualHost;
    if (chosen_.host->require_tls() == VirtualHost::ALL && !context_.tls) return answer(301, "redirect to https", "");
    if (chosen_.host->require_tls() == VirtualHost::EXTERNAL_ONLY)
      return unknown(verdict_, "", "require_tls of external clients");
    if (route.has_direct_response()) {
      return answer(static_cast<int>(route.direct_response().status()), route.direct_response().body().inline_string(),
                    "direct_response");
    }
    if (route.has_redirect()) {
      static constexpr int kStatus[] = {301, 302, 303, 307, 308};
      const auto code = static_cast<std::size_t>(route.redirect().response_code());
      return answer(code < std::size(kStatus) ? kStatus[code] : 0, "redirect", "direct_response");
    }
    if (!route.has_route()) return unknown(verdict_, "", "the action of route \"" + route.name() + "\"");
    verdict_.outcome = verdict_.asks.empty() ? Outcome::allow : Outcome::ask;
    const auto& action = route.route();
    verdict_.destination = action.cluster();
    for (const auto& each : action.weighted_clusters().clusters()) {
      verdict_.destination += (verdict_.destination.empty() ? "" : ", ") + each.name();
    }
    if (!action.cluster_header().empty())
      verdict_.destination = "the cluster that header " + action.cluster_header() + " names";
  }

  void answer(int status, const std::string& text, const std::string& details) {
    verdict_.outcome = Outcome::answer;
    verdict_.status = status;
    verdict_.text = text;
    verdict_.details = details;
  }

  const HttpProgram& program_;
  const RouteConfiguration* routes_;
  Headers& headers_;
  Metadata metadata_, routeMetadata_;
  RuleContext context_;
  const Question& question_;
  const bool explain_;
  Verdict& verdict_;
  ChosenRoute chosen_;
};

}  // namespace

std::shared_ptr<const HttpProgram> compileHttp(const google::protobuf::Any& config) {
  auto program = std::make_shared<HttpProgram>();
  if (!config.UnpackTo(&program->manager)) return nullptr;
  program->notUnderstood = notUnderstood(program->manager);
  for (const auto& upgrade : program->manager.upgrade_configs()) {
    if (upgrade.filters_size() > 0) program->notUnderstood = "filters of upgrades";
  }
  for (const auto& filter : program->manager.http_filters()) program->steps.push_back(compileStep(filter));
  return program;
}

void passFilters(const HttpProgram& program, const RouteConfiguration* routes, Prepared& prepared, RuleContext context,
                 const Question& question, bool explain, Verdict& verdict) {
  context.remote = prepared.remote;
  context.remoteText = prepared.remoteText;
  Way(program, routes, prepared, std::move(context), question, explain, verdict).go();
}

}  // namespace fairway::evaluate
