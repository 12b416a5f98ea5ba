#include "translate/rbac.h"

#include <algorithm>

#include <envoy/config/listener/v3/listener_components.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>

#include "translate/condition.h"
#include "translate/ext_authz.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace rbac = envoy::config::rbac::v3;
using model::AuthorizationFilter;
using model::AuthorizationRule;

namespace {

constexpr std::string_view kHttpFilter = "envoy.filters.http.rbac";
constexpr std::string_view kNetworkFilter = "envoy.filters.network.rbac";

rbac::RBAC::Action actionOf(AuthorizationFilter::Action action) {
  switch (action) {
    case AuthorizationFilter::Action::allow: return rbac::RBAC::ALLOW;
    case AuthorizationFilter::Action::deny: return rbac::RBAC::DENY;
    case AuthorizationFilter::Action::audit: return rbac::RBAC::LOG;
    case AuthorizationFilter::Action::external: return rbac::RBAC::DENY;  // as shadow rules, see setFilterRules()
  }
  return rbac::RBAC::ALLOW;
}

// Rules of one name (policies of two kinds may share it) are told apart by their object.
std::string uniqueName(const rbac::RBAC& out, const AuthorizationRule& rule) {
  std::string name = rule.name.empty() ? rule.provenance.toString() : rule.name;
  if (!out.policies().contains(name)) return name;
  name += " (" + rule.provenance.toString() + ")";
  const std::string base = name;
  for (int i = 2; out.policies().contains(name); ++i) name = base + " " + std::to_string(i);
  return name;
}

void setRules(rbac::RBAC& out, AuthorizationFilter::Action action, const std::vector<AuthorizationRule>& rules,
              bool http) {
  out.set_action(actionOf(action));
  // Who might be meant is denied, or asked about.
  const ConditionContext context{http, actionOf(action) == rbac::RBAC::DENY};
  for (const auto& rule : rules) {
    rbac::Policy policy;
    if (setPolicy(policy, rule, context)) (*out.mutable_policies())[uniqueName(out, rule)] = std::move(policy);
  }
}

// Dry runs of AuthorizationPolicies write under Istio's prefixes; those of v1alpha1 without one, as their
// dashboards expect.
std::string shadowPrefix(const AuthorizationFilter& filter) {
  const bool dryRun =
      std::any_of(filter.shadowRules.begin(), filter.shadowRules.end(),
                  [](const AuthorizationRule& rule) { return rule.provenance.kind == "AuthorizationPolicy"; });
  if (!dryRun) return {};
  return filter.action == AuthorizationFilter::Action::deny ? "istio_dry_run_deny_" : "istio_dry_run_allow_";
}

// `Config` is the HTTP or the network filter's.
template <class Config>
void setFilterRules(Config& out, const AuthorizationFilter& filter, bool http) {
  if (filter.authorizer) {
    setRules(*out.mutable_shadow_rules(), filter.action, filter.rules, http);
    out.set_shadow_rules_stat_prefix(externalPrefix(*filter.authorizer));
    return;
  }
  if (filter.enforced) setRules(*out.mutable_rules(), filter.action, filter.rules, http);
  if (!filter.shadowRules.empty() || !filter.enforced) {
    setRules(*out.mutable_shadow_rules(), filter.action, filter.shadowRules, http);
    out.set_shadow_rules_stat_prefix(shadowPrefix(filter));
  }
}

template <class Visit>
void forEachRule(const model::Authorization& authorization, const Visit& visit) {
  for (const auto& filter : authorization.filters) {
    if (filter.enforced) std::for_each(filter.rules.begin(), filter.rules.end(), visit);
    std::for_each(filter.shadowRules.begin(), filter.shadowRules.end(), visit);
  }
}

bool hasPath(const model::Condition& condition) {
  return condition.op == model::Condition::Op::path ||
         (condition.op == model::Condition::Op::header && condition.name == ":path") ||
         std::any_of(condition.children.begin(), condition.children.end(), hasPath);
}

}  // namespace

void addHttpAuthorization(HttpFilters& filters, const model::Authorization& authorization) {
  for (const auto& filter : authorization.filters) {
    envoy::extensions::filters::http::rbac::v3::RBAC config;
    setFilterRules(config, filter, true);
    setFilter(*filters.Add(), kHttpFilter, config);
    if (filter.authorizer) addHttpAuthorizer(filters, *filter.authorizer);
  }
}

void addTcpAuthorization(envoy::config::listener::v3::FilterChain& chain, const model::Authorization& authorization) {
  for (const auto& filter : authorization.filters) {
    envoy::extensions::filters::network::rbac::v3::RBAC config;
    config.set_stat_prefix("tcp.");
    if (filter.authorizer && !filter.authorizer->grpc) {
      // It knows requests alone, so there is nobody to ask about bytes (on an HTTP port: TLS of the application's own).
      config.mutable_rules();
      setFilter(*chain.add_filters(), kNetworkFilter, config);
      continue;
    }
    setFilterRules(config, filter, false);
    setFilter(*chain.add_filters(), kNetworkFilter, config);
    if (filter.authorizer) addTcpAuthorizer(chain, *filter.authorizer);
  }
}

void addRefusal(HttpFilters& filters, const model::Provenance& object) {
  envoy::extensions::filters::http::rbac::v3::RBAC config;
  config.mutable_rules()->set_action(rbac::RBAC::DENY);
  auto& policy = (*config.mutable_rules()->mutable_policies())[object.toString()];
  policy.add_permissions()->set_any(true);
  policy.add_principals()->set_any(true);
  setFilter(*filters.Add(), kHttpFilter, config);
}

void describeAuthorization(envoy::config::listener::v3::FilterChain& chain, const model::Authorization& authorization) {
  forEachRule(authorization, [&](const AuthorizationRule& rule) {
    auto& fairway = (*chain.mutable_metadata()->mutable_filter_metadata())["fairway"];
    setText(*(*fairway.mutable_fields())["rbac"].mutable_struct_value(), rule.name, rule.provenance.toString());
  });
}

bool looksAtPath(const model::Authorization& authorization) {
  bool found = false;
  forEachRule(authorization, [&](const AuthorizationRule& rule) {
    found = found || hasPath(rule.permission) || hasPath(rule.principal);
  });
  return found;
}

std::vector<model::Provenance> provenanceOf(const model::Authorization& authorization) {
  std::vector<model::Provenance> result;
  forEachRule(authorization, [&](const AuthorizationRule& rule) { result.push_back(rule.provenance); });
  return result;
}

}  // namespace fairway::translate
