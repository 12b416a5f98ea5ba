#include <catch2/catch.hpp>

#include "model/security.h"

using namespace fairway::model;
using Op = Condition::Op;

TEST_CASE("the mode of a port is its own, else the workload's") {
  PeerAuthentication policy;
  policy.mode = MtlsMode::strict;
  policy.ports = {{80, MtlsMode::disable}};
  CHECK(policy.modeOf(80) == MtlsMode::disable);
  CHECK(policy.modeOf(81) == MtlsMode::strict);
}

TEST_CASE("refusals: by port, for all ports, and ports that are exempt") { PeerAuthentication policy; }

TEST_CASE("conditions combine without needless levels; nothing to choose from is never true") {
  CHECK(Condition::allOf({}).op == Op::any);
  CHECK(Condition::anyOf({}).op == Op::never);
  const auto path = Condition::textual(Op::path, {StringMatcher::Type::exact, "/a", false});
  CHECK(Condition::allOf({path}) == path);
  CHECK(Condition::anyOf({path}) == path);
  CHECK(Condition::anyOf({path, Condition::nothing()}).children.size() == 2);
  const auto negated = Condition::negate(path);
  CHECK(negated.op == Op::not_);
  CHECK(negated.children.at(0) == path);
}

TEST_CASE("conditions know whether they need HTTP, however deep") {
  for (const auto op : {Op::path, Op::method, Op::host, Op::header}) {
    CHECK(Condition::negate(Condition::allOf({Condition::anything(), Condition::textual(op, {})})).httpOnly());
  }
  for (const auto op : {Op::principal, Op::source_namespace, Op::sni, Op::destination_ip, Op::direct_remote_ip,
                        Op::remote_ip, Op::destination_port, Op::authenticated, Op::any, Op::never}) {
    CHECK_FALSE(Condition::textual(op, {}).httpOnly());
  }
  CHECK(Condition::textual(Op::metadata, {}, "envoy.filters.http.jwt_authn").httpOnly());
  CHECK_FALSE(Condition::textual(Op::metadata, {}, "envoy.filters.network.x").httpOnly());
}

TEST_CASE("whether some request needs a token") {
  RequestAuthentication policy;
  CHECK_FALSE(policy.required());
  policy.rules.resize(2);
  CHECK_FALSE(policy.required());
  policy.rules[1].need = RequestAuthentication::Need::optional;
  CHECK_FALSE(policy.required());
  policy.rules[1].need = RequestAuthentication::Need::required;
  CHECK(policy.required());
  policy = {};
  policy.refuse.emplace();
  CHECK(policy.required());
}
