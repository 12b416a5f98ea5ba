#include "evaluate/evaluator.h"

#include "listener.h"

namespace fairway::evaluate {

using test::ask;
using test::chain;
using test::evaluator;
using test::get;
using test::httpFilter;
using test::httpRbac;
using test::json;
using test::manager;
using test::rbacRules;

namespace {

const json kAny{{"any", true}};

json path(const std::string& exact) { return {{"url_path", {{"path", {{"exact", exact}}}}}}; }

json metadata(const std::string& filter, const std::string& key, const std::string& value) {
  return {
      {"filter", filter}, {"path", json::array({{{"key", key}}})}, {"value", {{"string_match", {{"exact", value}}}}}};
}

json authorizer(json more = json::object()) {
  more["grpc_service"] = {{"envoy_grpc", {{"cluster_name", "authz"}}}};
  return httpFilter("envoy.filters.http.ext_authz", "ext_authz.v3.ExtAuthz", more);
}

Evaluator withRoutes(json routes, json filters = json::array()) {
  const json host{{"name", "v"}, {"domains", {"*"}}, {"routes", std::move(routes)}};
  const json settings{{"route_config", {{"virtual_hosts", json::array({host})}}}};
  return evaluator(json::array({chain("c", json::array({manager(std::move(filters), settings)}))}));
}

}  // namespace

TEST_CASE("Filters are asked in their order, and the first that refuses decides", "[evaluate]") {
  const auto filters =
      json::array({httpRbac(rbacRules("DENY", path("/no"))), httpRbac(rbacRules("ALLOW", path("/yes")))});
  const auto yes = ask(filters, get("/yes"));
  CHECK(yes.outcome == Outcome::allow);
  CHECK(yes.destination == "app");
  CHECK(yes.chain == "c");
  CHECK(yes.filters.back().policy == "p");
  const auto no = ask(filters, get("/no"));
  CHECK(no.outcome == Outcome::deny);
  CHECK(no.policy == "p");
  CHECK(no.details == "rbac_access_denied_matched_policy[p]");
  CHECK(no.filters.size() == 1);
  const auto other = ask(filters, get("/other"));
  CHECK(other.status == 403);
  CHECK(other.policy.empty());
  CHECK(other.details == "rbac_access_denied_matched_policy[none]");
}

TEST_CASE("Rules on trial decide nothing and say what they would", "[evaluate]") {
  const auto trial =
      httpFilter("envoy.filters.http.rbac", "rbac.v3.RBAC",
                 {{"shadow_rules", rbacRules("DENY", path("/no"))}, {"shadow_rules_stat_prefix", "dry_"}});
  const auto denied = ask(json::array({trial}), get("/no"));
  CHECK(denied.outcome == Outcome::allow);
  CHECK(denied.filters[0].shadowResult == "denied");
  CHECK(denied.filters[0].shadowPolicy == "p");
  CHECK(ask(json::array({trial}), get("/")).filters[0].shadowResult == "allowed");
}

TEST_CASE("An external authorizer is asked where a rule on trial says so", "[evaluate]") {
  const auto trigger =
      httpFilter("envoy.filters.http.rbac", "rbac.v3.RBAC",
                 {{"shadow_rules", rbacRules("DENY", path("/ask"))}, {"shadow_rules_stat_prefix", "ext_"}});
  const auto filters =
      json::array({trigger,
                   authorizer({{"filter_enabled_metadata",
                                metadata("envoy.filters.http.rbac", "ext_shadow_effective_policy_id", "p")}}),
                   httpRbac(rbacRules("DENY", path("/no")))});
  const auto asked = ask(filters, get("/ask"));
  CHECK(asked.outcome == Outcome::ask);
  CHECK(asked.asks == std::vector<std::string>{"authz"});
  CHECK(asked.destination == "app");
  CHECK(ask(filters, get("/")).outcome == Outcome::allow);
  CHECK(ask(filters, get("/no")).outcome == Outcome::deny);
  CHECK(ask(json::array({authorizer({{"filter_enabled", {{"default_value", {{"numerator", 50}}}}}})}), get("/"))
            .outcome == Outcome::unknown);
  const json off{{"filter_enabled", {{"default_value", {{"numerator", 0}}}}}};
  CHECK(ask(json::array({authorizer(off)}), get("/")).outcome == Outcome::allow);
  auto closed = off;
  closed["deny_at_disable"] = {{"default_value", true}, {"runtime_key", "x"}};
  CHECK(ask(json::array({authorizer(closed)}), get("/")).outcome == Outcome::deny);
}

TEST_CASE("What an external authorizer answers decides, if it is told", "[evaluate]") {
  const auto said = [](Answer answer, const json& more) {
    auto question = get("/");
    question.request->answers["authz"] = answer;
    return ask(json::array({authorizer(more), httpRbac(rbacRules("DENY", path("/no")))}), question);
  };
  const json none = json::object();
  CHECK(said(Answer::allow, none).outcome == Outcome::allow);
  CHECK(said(Answer::allow, none).asks.empty());
  CHECK(said(Answer::allow, none).filters[0].note == "asks authz");
  CHECK(said(Answer::deny, none).outcome == Outcome::deny);
  CHECK(said(Answer::deny, {{"failure_mode_allow", true}}).status == 403);
  CHECK(said(Answer::deny, none).details == "ext_authz_denied");
  CHECK(said(Answer::error, none).status == 403);
  CHECK(said(Answer::error, none).details == "ext_authz_error");
  CHECK(said(Answer::error, {{"status_on_error", {{"code", "PaymentRequired"}}}}).status == 402);
  CHECK(said(Answer::error, {{"failure_mode_allow", true}}).outcome == Outcome::allow);
  // It is not asked what nobody wants to know.
  const auto never = httpFilter("envoy.filters.http.ext_authz", "ext_authz.v3.ExtAuthz",
                                {{"http_service", {{"server_uri", {{"cluster", "authz"}}}}},
                                 {"filter_enabled_metadata", metadata("envoy.filters.http.rbac", "x", "y")}});
  auto question = get("/");
  question.request->answers["authz"] = Answer::deny;
  CHECK(ask(json::array({never}), question).outcome == Outcome::allow);
}

TEST_CASE("Authorizers are asked about connections, too", "[evaluate]") {
  const auto trigger = test::networkFilter("envoy.filters.network.rbac", "rbac.v3.RBAC",
                                           {{"stat_prefix", "x"},
                                            {"shadow_rules", rbacRules("DENY", {{"destination_port", 8080}})},
                                            {"shadow_rules_stat_prefix", "ext_"}});
  const auto service = [](bool failOpen) {
    return test::networkFilter(
        "envoy.filters.network.ext_authz", "ext_authz.v3.ExtAuthz",
        {{"stat_prefix", "x"},
         {"grpc_service", {{"envoy_grpc", {{"cluster_name", "authz"}}}}},
         {"failure_mode_allow", failOpen},
         {"filter_enabled_metadata", metadata("envoy.filters.network.rbac", "ext_shadow_engine_result", "denied")}});
  };
  const auto listenerWith = [&](bool failOpen) {
    return evaluator(json::array({chain("c", json::array({trigger, service(failOpen), test::tcpProxy("app")}))}));
  };
  const auto listener = listenerWith(false);
  auto question = get("/");
  question.request.reset();
  CHECK(listener.evaluate(question).outcome == Outcome::ask);
  CHECK(listener.evaluate(question).asks == std::vector<std::string>{"authz"});
  question.connection.answers["authz"] = Answer::deny;
  CHECK(listener.evaluate(question).outcome == Outcome::closed);
  CHECK(listener.evaluate(question).details == "ext_authz_denied");
  question.connection.answers["authz"] = Answer::allow;
  CHECK(listener.evaluate(question).outcome == Outcome::allow);
  question.connection.answers["authz"] = Answer::error;
  CHECK(listener.evaluate(question).details == "ext_authz_error");
  CHECK(listenerWith(true).evaluate(question).outcome == Outcome::allow);
  question.connection.port = 81;
  CHECK(listener.evaluate(question).outcome == Outcome::allow);
  CHECK(listener.evaluate(question).filters.size() == 1);
}

TEST_CASE("A limit may refuse any request, which is noted; one that only counts passes all", "[evaluate]") {
  const json all{{"default_value", {{"numerator", 100}}}}, none{{"default_value", {{"numerator", 0}}}};
  const auto local = [](json more) {
    more["stat_prefix"] = "l";
    return httpFilter("envoy.filters.http.local_ratelimit.a/b", "local_ratelimit.v3.LocalRateLimit", more);
  };
  const auto global = [](json more) {
    more["domain"] = "a/b";
    return httpFilter("envoy.filters.http.ratelimit.a/b", "ratelimit.v3.RateLimit", more);
  };
  for (const auto& filter : {local({{"filter_enforced", all}}), global({}), global({{"filter_enforced", all}})}) {
    const auto verdict = ask(json::array({filter}), get("/"));
    CHECK(verdict.outcome == Outcome::allow);
    REQUIRE(verdict.filters.size() == 1);
    CHECK(verdict.filters[0].note == "may refuse requests that are too many");
  }
  for (const auto& filter : {local({}), local({{"filter_enforced", none}}), global({{"filter_enforced", none}})}) {
    CHECK(ask(json::array({filter}), get("/")).filters.empty());
  }
}

TEST_CASE("Claims of verified tokens are seen by the rules behind", "[evaluate]") {
  const json provider{
      {"issuer", "i"}, {"local_jwks", {{"inline_string", "{}"}}}, {"payload_in_metadata", "jwt"}, {"forward", true}};
  const auto jwt = httpFilter(
      "envoy.filters.http.jwt_authn", "jwt_authn.v3.JwtAuthentication",
      {{"providers", {{"a", provider}}},
       {"rules", json::array({{{"match", {{"prefix", "/"}}}, {"requires", {{"allow_missing", json::object()}}}}})}});
  json claim = metadata("envoy.filters.http.jwt_authn", "jwt", "admin");
  claim["path"].push_back({{"key", "group"}});
  const auto filters =
      json::array({jwt, httpRbac(rbacRules("ALLOW", {{"sourced_metadata", {{"metadata_matcher", claim}}}}))});
  const auto with = [&](const json& claims) {
    auto question = get("/");
    question.request->claims = {claims};
    return ask(filters, question);
  };
  CHECK(with({{"iss", "i"}, {"group", "admin"}}).outcome == Outcome::allow);
  CHECK(with({{"iss", "i"}, {"group", "user"}}).outcome == Outcome::deny);
  CHECK(with({{"iss", "other"}, {"group", "admin"}}).status == 401);
  CHECK(ask(filters, get("/")).status == 403);
}

TEST_CASE("Routes forward, answer and redirect", "[evaluate]") {
  const auto listener = withRoutes(json::array(
      {{{"match", {{"path", "/fixed"}}}, {"direct_response", {{"status", 418}}}},
       {{"match", {{"path", "/old"}}}, {"redirect", {{"path_redirect", "/new"}, {"response_code", "FOUND"}}}},
       {{"name", "w"},
        {"match", {{"path", "/"}}},
        {"route",
         {{"weighted_clusters", {{"clusters", {{{"name", "a"}, {"weight", 1}}, {{"name", "b"}, {"weight", 1}}}}}}}}}}));
  CHECK(listener.evaluate(get("/fixed")).status == 418);
  CHECK(listener.evaluate(get("/old")).status == 302);
  CHECK(listener.evaluate(get("/")).destination == "a, b");
  CHECK(listener.evaluate(get("/")).route == "w");
  const auto none = listener.evaluate(get("/x"));
  CHECK(none.outcome == Outcome::answer);
  CHECK(none.status == 404);
}

TEST_CASE("A route may have RBAC of its own", "[evaluate]") {
  const json own{{"envoy.filters.http.rbac",
                  {{"@type", "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute"},
                   {"rbac", {{"rules", rbacRules("DENY", kAny)}}}}}};
  const auto listener = withRoutes(
      json::array({{{"match", {{"path", "/own"}}}, {"route", {{"cluster", "a"}}}, {"typed_per_filter_config", own}},
                   {{"match", {{"prefix", "/"}}}, {"route", {{"cluster", "a"}}}}}),
      json::array({httpRbac(rbacRules("ALLOW", kAny))}));
  CHECK(listener.evaluate(get("/own")).outcome == Outcome::deny);
  CHECK(listener.evaluate(get("/")).outcome == Outcome::allow);
}

TEST_CASE("Network filters close connections", "[evaluate]") {
  const auto rules =
      test::networkFilter("envoy.filters.network.rbac", "rbac.v3.RBAC",
                          {{"stat_prefix", "x"}, {"rules", rbacRules("DENY", {{"destination_port", 8080}})}});
  const auto listener = evaluator(json::array({chain("c", json::array({rules, test::tcpProxy("app")}))}));
  auto question = get("/");
  question.request.reset();
  CHECK(listener.evaluate(question).outcome == Outcome::closed);
  question.connection.port = 81;
  CHECK(listener.evaluate(question).outcome == Outcome::allow);
}

TEST_CASE("What is not known is said and never guessed", "[evaluate]") {
  const json lua = httpFilter("lua", "lua.v3.Lua", json::object());
  CHECK(ask(json::array({lua}), get("/")).text == "HTTP filter lua");
  // Behind a refusal it does not matter.
  CHECK(ask(json::array({httpRbac(rbacRules("DENY", kAny)), lua}), get("/")).outcome == Outcome::deny);
  const auto odd = evaluator(json::array(
      {chain("c", json::array({manager(json::array(), {{"path_normalization_options", json::object()}})}))}));
  CHECK(odd.evaluate(get("/")).text == "field path_normalization_options of HttpConnectionManager");
  auto question = get("/");
  question.request.reset();
  CHECK(ask(json::array(), question).outcome == Outcome::unknown);
  question = get("/");
  question.connection.tls = true;
  CHECK(ask(json::array(), question).outcome == Outcome::closed);
  CHECK_FALSE(Evaluator::fromJson({{"no_such_field", 1}}).has_value());
}

TEST_CASE("Routes that come by RDS are given beside the listener", "[evaluate]") {
  const auto filter =
      test::networkFilter("m", "http_connection_manager.v3.HttpConnectionManager",
                          {{"stat_prefix", "x"},
                           {"rds", {{"route_config_name", "t"}, {"config_source", {{"ads", json::object()}}}}},
                           {"http_filters", json::array({httpFilter("r", "router.v3.Router", json::object())})}});
  auto listener = evaluator(json::array({chain("c", json::array({filter}))}));
  CHECK(listener.evaluate(get("/")).text == "the routes t are not given");
  REQUIRE(listener.addRoutes({{"name", "t"}}).has_value());
  CHECK(listener.evaluate(get("/")).status == 404);
  REQUIRE(listener
              .addVirtualHost("t", {{"name", "v"},
                                    {"domains", {"*"}},
                                    {"routes", {{{"match", {{"prefix", "/"}}}, {"route", {{"cluster", "a"}}}}}}})
              .has_value());
  CHECK(listener.evaluate(get("/")).destination == "a");
  auto other = evaluator(json::array({chain("c", json::array({filter}))}));
  other.shareRoutes(listener);
  CHECK(other.evaluate(get("/")).destination == "a");
}

}  // namespace fairway::evaluate
