#include <map>

#include <envoy/extensions/filters/http/ext_authz/v3/ext_authz.pb.h>
#include <envoy/extensions/filters/http/jwt_authn/v3/config.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>

#include "evaluate/rule_list_internal.h"
#include "evaluate/transport_internal.h"

namespace fairway::evaluate {

RuleList::RuleList(const envoy::config::listener::v3::FilterChain& chain,
                   const envoy::config::listener::v3::Listener& listener) {
  base_.chain = chain.name();
  const auto& match = chain.filter_chain_match();
  const bool redirected = listener.name() == "virtualInbound" || listener.name() == "virtualOutbound";
  base_.port = match.has_destination_port() ? match.destination_port().value()
               : redirected                 ? 0
                                            : listener.address().socket_address().port_value();
  base_.mutualTls = !trustDomainOf(chain).empty();
}

void RuleList::next(const std::string& filter) {
  ++base_.order;
  base_.filter = filter;
}

void RuleList::add(const std::string& action, const std::string& policy, bool onTrial) {
  auto rule = base_;
  rule.action = action;
  rule.policy = policy;
  rule.onTrial = onTrial;
  rules_.push_back(std::move(rule));
}

void RuleList::rbac(const envoy::config::rbac::v3::RBAC& rules, bool onTrial) {
  const auto action = envoy::config::rbac::v3::RBAC::Action_Name(rules.action());
  std::map<std::string_view, bool> sorted;
  for (const auto& [name, policy] : rules.policies()) sorted[name] = true;
  for (const auto& [name, unused] : sorted) add(action, std::string(name), onTrial);
  if (sorted.empty()) add(action, "", onTrial);
}

void RuleList::http(const HttpProgram& program) {
  base_.http = true;
  for (auto& rule : rules_) rule.http = true;
  for (const auto& step : program.steps) {
    if (!step.config) continue;
    next(step.name);
    if (step.kind == HttpStep::Kind::rbac) {
      const auto& config = static_cast<const envoy::extensions::filters::http::rbac::v3::RBAC&>(*step.config);
      if (config.has_shadow_rules()) rbac(config.shadow_rules(), true);
      if (config.has_rules()) rbac(config.rules(), false);
    } else if (step.kind == HttpStep::Kind::jwt_authn) {
      const auto& config =
          static_cast<const envoy::extensions::filters::http::jwt_authn::v3::JwtAuthentication&>(*step.config);
      std::map<std::string_view, bool> issuers;
      for (const auto& [name, provider] : config.providers()) issuers[provider.issuer()] = true;
      for (const auto& [issuer, unused] : issuers) add("JWT", std::string(issuer), false);
    } else if (step.kind == HttpStep::Kind::ext_authz) {
      const auto& config = static_cast<const envoy::extensions::filters::http::ext_authz::v3::ExtAuthz&>(*step.config);
      add("ASK",
          config.has_http_service() ? config.http_service().server_uri().cluster()
                                    : config.grpc_service().envoy_grpc().cluster_name(),
          false);
    }
  }
}

}  // namespace fairway::evaluate
