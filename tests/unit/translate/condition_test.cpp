#include "translate/condition.h"

#include <envoy/config/rbac/v3/rbac.pb.h>
#include <re2/re2.h>
#include <catch2/catch.hpp>

#include "world.h"

using namespace fairway;
using namespace fairway::translate;
using envoy::config::rbac::v3::Permission;
using envoy::config::rbac::v3::Policy;
using envoy::config::rbac::v3::Principal;
using model::Condition;
using model::StringMatcher;
using Kind = StringMatcher::Type;
using Op = Condition::Op;

namespace {

constexpr ConditionContext kAllow{true, false};
constexpr ConditionContext kDeny{true, true};
constexpr ConditionContext kTcpAllow{false, false};
constexpr ConditionContext kTcpDeny{false, true};

Condition text(Op op, Kind kind, const std::string& value, const std::string& name = {}) {
  return Condition::textual(op, {kind, value, false}, name);
}
Condition cidr(Op op, const std::string& range) {
  Condition condition;
  condition.op = op;
  condition.cidr = range;
  return condition;
}

std::optional<Policy> policy(Condition permission, Condition principal, const ConditionContext& context = kAllow) {
  Policy out;
  if (!setPolicy(out, {"r", std::move(permission), std::move(principal), {}}, context)) return std::nullopt;
  REQUIRE(out.permissions_size() == 1);
  REQUIRE(out.principals_size() == 1);
  return out;
}
Permission permission(const Condition& condition, const ConditionContext& context = kAllow) {
  const auto result = policy(condition, Condition::anything(), context);
  REQUIRE(result);
  return result->permissions(0);
}
Principal principal(const Condition& condition, const ConditionContext& context = kAllow) {
  const auto result = policy(Condition::anything(), condition, context);
  REQUIRE(result);
  return result->principals(0);
}
bool matches(const envoy::type::matcher::v3::StringMatcher& matcher, const std::string& value) {
  switch (matcher.match_pattern_case()) {
    case envoy::type::matcher::v3::StringMatcher::kExact: return value == matcher.exact();
    case envoy::type::matcher::v3::StringMatcher::kPrefix: return value.starts_with(matcher.prefix());
    case envoy::type::matcher::v3::StringMatcher::kSuffix: return value.ends_with(matcher.suffix());
    case envoy::type::matcher::v3::StringMatcher::kSafeRegex:
      return RE2::FullMatch(value, matcher.safe_regex().regex());
    default: FAIL("no pattern"); return false;
  }
}
bool identityMatches(const Condition& condition, const std::string& identity) {
  return matches(principal(condition).authenticated().principal_name(), identity);
}

const std::string kId = "spiffe://cluster.local/ns/onap/sa/msb.v1";

}  // namespace

TEST_CASE("principals are compared with the identity without its scheme") {
  CHECK(identityMatches(text(Op::principal, Kind::exact, "cluster.local/ns/onap/sa/msb.v1"), kId));
  CHECK_FALSE(identityMatches(text(Op::principal, Kind::exact, "cluster.local/ns/onap/sa/msb"), kId));
  CHECK(identityMatches(text(Op::principal, Kind::prefix, "cluster.local/ns/onap/"), kId));
  CHECK_FALSE(identityMatches(text(Op::principal, Kind::prefix, "ns/onap/"), kId));
  CHECK(identityMatches(text(Op::principal, Kind::regex, ".*/sa/msb.*"), kId));
  CHECK_FALSE(identityMatches(text(Op::principal, Kind::regex, "ns"), kId));
  CHECK(identityMatches(text(Op::principal, Kind::present, ""), kId));
}

TEST_CASE("CVE-2020-16844: a suffix stays a suffix, on every protocol") {
  const auto condition = text(Op::principal, Kind::suffix, "/sa/msb.v1");
  CHECK(identityMatches(condition, kId));
  CHECK_FALSE(identityMatches(condition, kId + "x"));
  for (const auto& context : {kTcpAllow, kTcpDeny}) {
    CHECK(matches(principal(condition, context).authenticated().principal_name(), kId));
  }
}

TEST_CASE("CVE-2026-39350: texts are quoted where they become part of a regular expression") {
  const auto condition = text(Op::source_namespace, Kind::exact, "on.p");
  CHECK_FALSE(identityMatches(condition, kId));
  CHECK(identityMatches(condition, "spiffe://cluster.local/ns/on.p/sa/x"));
}

TEST_CASE("a namespace is the whole segment of the identity") {
  CHECK(identityMatches(text(Op::source_namespace, Kind::exact, "onap"), kId));
  CHECK_FALSE(identityMatches(text(Op::source_namespace, Kind::exact, "ona"), kId));
  CHECK_FALSE(identityMatches(text(Op::source_namespace, Kind::exact, "msb.v1"), kId));
  CHECK(identityMatches(text(Op::source_namespace, Kind::prefix, "on"), kId));
  CHECK(identityMatches(text(Op::source_namespace, Kind::suffix, "ap"), kId));
  CHECK_FALSE(identityMatches(text(Op::source_namespace, Kind::suffix, "x"), kId));
  CHECK(identityMatches(text(Op::source_namespace, Kind::present, ""), kId));
  CHECK_FALSE(identityMatches(text(Op::source_namespace, Kind::exact, "a"), "spiffe://x/ns/b/sa/c/ns/a/sa/d"));
}

TEST_CASE("any mesh identity") {
  Condition condition;
  condition.op = Op::authenticated;
  CHECK(identityMatches(condition, kId));
  CHECK_FALSE(identityMatches(condition, "https://example.com"));
}

TEST_CASE("CVE-2021-39155: hosts have no case, and a host means it on any port") {
  const auto host = [](Kind kind, const std::string& value) {
    return permission(text(Op::host, kind, value)).header().string_match();
  };
  CHECK(matches(host(Kind::exact, "a.example.com"), "A.Example.com"));
  CHECK(matches(host(Kind::exact, "a.example.com"), "a.example.com:8080"));
  CHECK_FALSE(matches(host(Kind::exact, "a.example.com"), "a-example.com"));
  CHECK_FALSE(matches(host(Kind::exact, "a.example.com:80"), "a.example.com:8080"));
  CHECK(matches(host(Kind::suffix, ".example.com"), "A.EXAMPLE.com:80"));
  CHECK_FALSE(matches(host(Kind::suffix, ".example.com"), "a.example.com.evil"));
  CHECK(host(Kind::prefix, "a.").ignore_case());
  CHECK(matches(host(Kind::regex, "a|b"), "B:1"));
  CHECK(permission(text(Op::host, Kind::present, "")).header().present_match());
}

TEST_CASE("CVE-2020-8595: paths are compared without query") {
  CHECK(permission(text(Op::path, Kind::exact, "/a")).url_path().path().exact() == "/a");
  CHECK(permission(text(Op::path, Kind::suffix, ".js")).url_path().path().suffix() == ".js");
  CHECK(permission(text(Op::path, Kind::present, "")).header().present_match());
}

TEST_CASE("the other attributes") {
  CHECK(permission(text(Op::method, Kind::exact, "GET")).header().name() == ":method");
  CHECK(permission(text(Op::header, Kind::prefix, "a", "X-User")).header().name() == "x-user");
  CHECK(permission(text(Op::sni, Kind::suffix, ".example.com")).requested_server_name().suffix() == ".example.com");
  CHECK(permission(cidr(Op::destination_ip, "10.0.0.0/8")).destination_ip().prefix_len().value() == 8);
  CHECK(principal(cidr(Op::direct_remote_ip, "10.1.2.3")).direct_remote_ip().prefix_len().value() == 32);
  CHECK(principal(cidr(Op::remote_ip, "fd00::/8")).remote_ip().address_prefix() == "fd00::");
  Condition condition;
  condition.op = Op::destination_port;
  condition.port = 8080;
  CHECK(permission(condition).destination_port() == 8080);
}

TEST_CASE("metadata: a text, or one of a list") {
  auto condition = text(Op::metadata, Kind::exact, "v", "envoy.filters.http.jwt_authn");
  condition.path = {"payload", "groups"};
  const auto plain = principal(condition).sourced_metadata().metadata_matcher();
  CHECK(plain.filter() == "envoy.filters.http.jwt_authn");
  CHECK(plain.path_size() == 2);
  CHECK(plain.value().string_match().exact() == "v");
  condition.inList = true;
  CHECK(
      principal(condition).sourced_metadata().metadata_matcher().value().list_match().one_of().string_match().exact() ==
      "v");
}

TEST_CASE("trees keep their shape, without what is constant") {
  const auto a = text(Op::method, Kind::exact, "A"), b = text(Op::method, Kind::exact, "B");
  CHECK(permission(Condition::allOf({a, b})).and_rules().rules_size() == 2);
  CHECK(permission(Condition::anyOf({a, b})).or_rules().rules_size() == 2);
  CHECK(permission(Condition::allOf({a, Condition::anything()})).has_header());
  CHECK(permission(Condition::anyOf({a, Condition::nothing()})).has_header());
  CHECK(permission(Condition::anyOf({a, Condition::anything()})).any());
  CHECK(permission(Condition::negate(a)).not_rule().has_header());
  CHECK(permission(Condition::negate(Condition::nothing())).any());
  CHECK_FALSE(policy(Condition::allOf({a, Condition::nothing()}), Condition::anything()));
  CHECK_FALSE(policy(Condition::negate(Condition::anything()), Condition::anything()));
  CHECK_FALSE(policy(Condition::anything(), Condition::nothing()));
}

TEST_CASE("a condition on the side that cannot say it moves to the other, where both must hold") {
  const auto who = text(Op::principal, Kind::exact, "x"), what = text(Op::sni, Kind::exact, "y");
  const auto path = text(Op::path, Kind::exact, "/a");
  const auto result = policy(Condition::allOf({path, who}), what);
  REQUIRE(result);
  CHECK(result->permissions(0).and_rules().rules_size() == 2);
  CHECK(result->principals(0).has_authenticated());
  const auto either = policy(Condition::anyOf({path, who}), Condition::anything());
  REQUIRE(either);
  CHECK(either->permissions(0).any());
  CHECK(either->principals(0).or_ids().ids_size() == 2);
  // Neither side can say this alternative: the rule then errs to the safe side.
  CHECK(permission(Condition::anyOf({what, who})).has_requested_server_name());
  CHECK(permission(Condition::anyOf({what, who}), kDeny).any());
}

TEST_CASE("what cannot be evaluated opens nothing and closes nothing by a rule that allows") {
  const auto bad = text(Op::path, Kind::regex, "(");
  const auto badRange = cidr(Op::destination_ip, "10.0.0.0/99");
  const auto good = text(Op::method, Kind::exact, "GET");
  for (const auto& broken :
       {bad, badRange, cidr(Op::destination_ip, "no address"), text(Op::header, Kind::exact, "x", "")}) {
    CHECK_FALSE(policy(broken, Condition::anything()));
    CHECK_FALSE(policy(Condition::negate(broken), Condition::anything()));
    CHECK_FALSE(policy(Condition::allOf({good, broken}), Condition::anything()));
    CHECK(permission(Condition::anyOf({good, broken})).has_header());
    CHECK(permission(broken, kDeny).any());
    CHECK(permission(Condition::negate(broken), kDeny).any());
    CHECK(permission(Condition::allOf({good, broken}), kDeny).has_header());
  }
}

TEST_CASE("conditions on requests, on a connection: allow never, deny always; siblings stay") {
  const auto path = text(Op::path, Kind::exact, "/a");
  const auto who = text(Op::principal, Kind::exact, "x");
  Condition onPort;
  onPort.op = Op::destination_port;
  onPort.port = 9000;
  CHECK_FALSE(policy(path, who, kTcpAllow));
  CHECK_FALSE(policy(Condition::negate(path), who, kTcpAllow));
  CHECK(permission(Condition::anyOf({path, onPort}), kTcpAllow).destination_port() == 9000);
  CHECK(permission(Condition::allOf({path, onPort}), kTcpDeny).destination_port() == 9000);
  CHECK(permission(path, kTcpDeny).any());
  const auto header = text(Op::header, Kind::exact, "v", "x-a");
  CHECK_FALSE(policy(Condition::anything(), Condition::allOf({header, who}), kTcpAllow));
  CHECK(principal(Condition::allOf({header, who}), kTcpDeny).has_authenticated());
}
