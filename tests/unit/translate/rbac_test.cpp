#include "translate/rbac.h"

#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/http/rbac/v3/rbac.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/rbac/v3/rbac.pb.h>
#include <catch2/catch.hpp>

#include "envoy.h"
#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using namespace fairway::translate::test;
using envoy::config::rbac::v3::RBAC;
using model::AuthorizationFilter;
using model::AuthorizationRule;
using model::Condition;
using model::StringMatcher;
using Kind = StringMatcher::Type;
using Op = Condition::Op;
namespace http_rbac = envoy::extensions::filters::http::rbac::v3;
namespace network_rbac = envoy::extensions::filters::network::rbac::v3;

namespace {

using Action = AuthorizationFilter::Action;

AuthorizationRule rule(const std::string& name, Condition permission = {}, Condition principal = {},
                       const std::string& kind = "ServiceRole") {
  return {name, std::move(permission), std::move(principal), {kind, "default", name, ""}};
}

std::vector<http_rbac::RBAC> httpFilters(const model::Authorization& authorization) {
  HttpFilters filters;
  addHttpAuthorization(filters, authorization);
  std::vector<http_rbac::RBAC> result;
  for (const auto& filter : filters) result.push_back(unpack<http_rbac::RBAC>(filter.typed_config()));
  return result;
}

std::string refused(model::Protocol protocol, const model::Authorization& authorization) {
  World world;
  world.addService("default", "client", {port("p", 80, protocol, "8080")});
  world.authorization[8080] = authorization;
  world.authorization[0] = authorization;
  return envoyRefuses(resourcesOf(world, sidecar()));
}

Condition leaf(Op op) {
  Condition condition;
  condition.op = op;
  condition.text = {Kind::prefix, "a", false};
  condition.name = "x-name";
  condition.path = {"a", "b"};
  condition.cidr = "10.0.0.0/8";
  condition.port = 8080;
  return condition;
}

}  // namespace

TEST_CASE("an allow filter without rules denies everything") {
  const auto filters = httpFilters({{AuthorizationFilter{}}});
  REQUIRE(filters.size() == 1);
  CHECK(filters[0].has_rules());
  CHECK(filters[0].rules().action() == RBAC::ALLOW);
  CHECK(filters[0].rules().policies().empty());
}

TEST_CASE("without authorization there is no filter") { CHECK(httpFilters({}).empty()); }

TEST_CASE("filters keep their order and actions") {
  AuthorizationFilter audit, deny, allow;
  audit.action = Action::audit;
  deny.action = Action::deny;
  deny.rules = {rule("d")};
  allow.rules = {rule("a")};
  const auto filters = httpFilters({{audit, deny, allow}});
  REQUIRE(filters.size() == 3);
  CHECK(filters[0].rules().action() == RBAC::LOG);
  CHECK(filters[1].rules().action() == RBAC::DENY);
  CHECK(filters[1].rules().policies().contains("d"));
  CHECK(filters[2].rules().policies().contains("a"));
}

TEST_CASE("rules of one name stay two policies") {
  AuthorizationFilter filter;
  filter.rules = {rule("same"), rule("same"), rule("same", {}, {}, "Other")};
  CHECK(httpFilters({{filter}})[0].rules().policies_size() == 3);
}

TEST_CASE("shadow rules are evaluated beside the rules, or alone while nothing is enforced") {
  AuthorizationFilter filter;
  filter.rules = {rule("real")};
  filter.shadowRules = {rule("trial")};
  auto rbac = httpFilters({{filter}})[0];
  CHECK(rbac.has_rules());
  CHECK(rbac.shadow_rules().policies().contains("trial"));
  CHECK(rbac.shadow_rules_stat_prefix().empty());
  filter.enforced = false;
  rbac = httpFilters({{filter}})[0];
  CHECK_FALSE(rbac.has_rules());
  CHECK(rbac.has_shadow_rules());
  filter.shadowRules = {rule("trial", {}, {}, "AuthorizationPolicy")};
  CHECK(httpFilters({{filter}})[0].shadow_rules_stat_prefix() == "istio_dry_run_allow_");
  filter.action = Action::deny;
  CHECK(httpFilters({{filter}})[0].shadow_rules_stat_prefix() == "istio_dry_run_deny_");
}

TEST_CASE("connections have a filter of their own") {
  AuthorizationFilter filter;
  filter.rules = {rule("a", {}, leaf(Op::principal))};
  envoy::config::listener::v3::FilterChain chain;
  addTcpAuthorization(chain, {{filter}});
  REQUIRE(chain.filters_size() == 1);
  const auto rbac = unpack<network_rbac::RBAC>(chain.filters(0).typed_config());
  CHECK(rbac.stat_prefix() == "tcp.");
  CHECK(rbac.rules().policies().contains("a"));
}

TEST_CASE("Envoy takes every matcher, in every action, on HTTP and TCP") {
  model::Authorization authorization;
  for (const auto action : {Action::allow, Action::deny, Action::audit}) {
    AuthorizationFilter filter;
    filter.action = action;
    int n = 0;
    for (const auto op : {Op::path, Op::method, Op::host, Op::header, Op::sni, Op::destination_ip, Op::destination_port,
                          Op::metadata}) {
      for (const auto kind : {Kind::exact, Kind::prefix, Kind::suffix, Kind::regex, Kind::present}) {
        auto condition = leaf(op);
        condition.text.type = kind;
        condition.inList = kind == Kind::exact;
        filter.rules.push_back(
            rule("permission" + std::to_string(n++), Condition::anyOf({condition, Condition::negate(condition)})));
      }
    }
    for (const auto op : {Op::principal, Op::source_namespace, Op::authenticated, Op::direct_remote_ip, Op::remote_ip,
                          Op::header, Op::metadata}) {
      for (const auto kind : {Kind::exact, Kind::prefix, Kind::suffix, Kind::regex, Kind::present}) {
        auto condition = leaf(op);
        condition.text.type = kind;
        filter.rules.push_back(
            rule("principal" + std::to_string(n++), {}, Condition::allOf({condition, Condition::negate(condition)})));
      }
    }
    filter.shadowRules = filter.rules;
    authorization.filters.push_back(filter);
  }
  CHECK(refused(model::Protocol::http, authorization) == "");
  CHECK(refused(model::Protocol::tcp, authorization) == "");
}

TEST_CASE("Envoy takes filters that deny everything, and those that only try") {
  AuthorizationFilter nothing, trial;
  trial.enforced = false;
  for (const auto protocol : {model::Protocol::http, model::Protocol::tcp}) {
    CHECK(refused(protocol, {{nothing, trial}}) == "");
  }
}

TEST_CASE("rules that look at the path are found, wherever they are") {
  AuthorizationFilter filter;
  CHECK_FALSE(looksAtPath({{filter}}));
  filter.rules = {rule("a", leaf(Op::method))};
  CHECK_FALSE(looksAtPath({{filter}}));
  filter.shadowRules = {rule("b", Condition::negate(Condition::anyOf({leaf(Op::method), leaf(Op::path)})))};
  CHECK(looksAtPath({{filter}}));
}
