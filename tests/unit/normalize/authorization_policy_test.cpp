#include <functional>
#include <tuple>

#include <catch2/catch.hpp>

#include "fixtures.h"
#include "support/evaluate_condition.h"

using namespace fairway;
using namespace fairway::test;
using normalize::AuthorizationOf;
using Spec = api::AuthorizationPolicySpec;
using Action = Spec::Action;
using FilterAction = model::AuthorizationFilter::Action;

namespace {

const api::Labels kLabels{{"app", "x"}};
const std::string kAlice = "cluster.local/ns/a/sa/alice";
const std::string kBob = "cluster.local/ns/b/sa/bob";

Spec::Rule from(std::function<void(Spec::Source&)> fill) {
  Spec::Rule rule;
  fill(rule.from.emplace_back());
  return rule;
}
Spec::Rule to(std::function<void(Spec::Operation&)> fill) {
  Spec::Rule rule;
  fill(rule.to.emplace_back());
  return rule;
}
Spec::Rule when(const std::string& key, std::vector<std::string> values, std::vector<std::string> notValues = {}) {
  Spec::Rule rule;
  rule.when = {{key, std::move(values), std::move(notValues)}};
  return rule;
}

// x: 80 -> 8080 (http), 81 -> 9000 (tcp).
struct World : Mesh {
  World() { service("a", "x", {{"http", 80, "8080"}, {"tcp", 81, "9000"}}, kLabels); }
  void policy(const std::string& name, Action action, std::vector<Spec::Rule> rules, api::Problems problems = {},
              const std::string& ns = "a", const api::Labels& selector = {}) {
    add<api::AuthorizationPolicy>(ns, name, [&](auto& o) {
      o.spec.action = action;
      o.spec.rules = std::move(rules);
      o.spec.selector = selector;
      o.problems = problems;
    });
  }
  model::Authorization authorization(std::uint32_t port = 8080) {
    return ask(AuthorizationOf{"a", kLabels, "s", port});
  }
  bool allows(Request request = {}) { return allowed(authorization(request.port), request); }
};

bool allowMatches(const Spec::Rule& rule, const Request& request) {
  World world;
  world.policy("p", Action::allow, {rule});
  return world.allows(request);
}
bool denyMatches(const Spec::Rule& rule, const Request& request) {
  World world;
  world.policy("p", Action::deny, {rule});
  return !world.allows(request);
}
Request of(const std::string& principal) { return Request{.principal = principal}; }

}  // namespace

TEST_CASE("no policy lets everything in, an empty ALLOW nothing, an empty rule everything") {
  World world;
  CHECK(world.authorization().filters.empty());
  world.policy("p", Action::allow, {});
  CHECK_FALSE(world.allows());
  CHECK(world.authorization().filters.at(0).rules.empty());
  world.policy("p", Action::allow, {Spec::Rule{}});
  CHECK(world.allows());
  world.policy("p", Action::deny, {});
  CHECK(world.allows());
  world.policy("p", Action::deny, {Spec::Rule{}});
  CHECK_FALSE(world.allows());
}

TEST_CASE("rules are named and carry their provenance; filters are audit, deny, allow") {
  World world;
  world.policy("deny", Action::deny, {from([](auto& s) { s.principals = {kBob}; })});
  world.policy("allow", Action::allow, {Spec::Rule{}, Spec::Rule{}});
  world.policy("audit", Action::audit, {Spec::Rule{}});
  const auto filters = world.authorization().filters;
  REQUIRE(filters.size() == 3);
  CHECK(filters[0].action == FilterAction::audit);
  CHECK(filters[1].action == FilterAction::deny);
  CHECK(filters[2].action == FilterAction::allow);
  REQUIRE(filters[2].rules.size() == 2);
  CHECK(filters[2].rules[1].name == "ns[a]-policy[allow]-rule[1]");
  CHECK(filters[2].rules[1].provenance == model::Provenance{"AuthorizationPolicy", "a", "allow", "rules[1]"});
  CHECK(world.allows(of(kAlice)));
  CHECK_FALSE(world.allows(of(kBob)));
}

TEST_CASE("policies select by label in their namespace, those of the root namespace everywhere") {
  World world;
  world.policy("other", Action::allow, {}, {}, "a", {{"app", "y"}});
  world.policy("elsewhere", Action::allow, {}, {}, "b");
  CHECK(world.authorization().filters.empty());
  world.policy("mine", Action::deny, {Spec::Rule{}}, {}, "a", kLabels);
  CHECK_FALSE(world.allows());
  world.remove(api::Kind::authorization_policy, "a", "mine");
  world.policy("root-other", Action::allow, {}, {}, "istio-system", {{"app", "y"}});
  CHECK(world.allows());
  world.policy("root", Action::allow, {}, {}, "istio-system", kLabels);
  CHECK_FALSE(world.allows());
}

TEST_CASE("fields of sources, operations and conditions") {
  Request token = of(kAlice);
  token.claims = {{"iss", {"https://i"}}, {"sub", {"s"}}, {"aud", {"A", "B"}}, {"azp", {"P"}}, {"groups", {"g", "h"}}};
  struct Case {
    const char* what;
    Spec::Rule rule;
    Request yes, no;
  };
  const Case cases[] = {
      {"principals", from([](auto& s) { s.principals = {kAlice}; }), of(kAlice), of(kBob)},
      {"principals *", from([](auto& s) { s.principals = {"*"}; }), of(kBob), of("")},
      {"principals suffix", from([](auto& s) { s.principals = {"*/sa/alice"}; }), of(kAlice), of(kBob)},
      {"namespaces", from([](auto& s) { s.namespaces = {"a"}; }), of(kAlice), of(kBob)},
      {"serviceAccounts", from([](auto& s) {
         s.serviceAccounts = {"alice", "c/d"};
       }),
       of(kAlice), of(kBob)},
      {"ipBlocks", from([](auto& s) { s.ipBlocks = {"10.1.0.0/16"}; }), {}, Request{.peer = "10.2.0.1"}},
      {"notIpBlocks", from([](auto& s) { s.notIpBlocks = {"10.2.0.0/16"}; }), {}, Request{.peer = "10.2.0.1"}},
      {"remoteIpBlocks", from([](auto& s) { s.remoteIpBlocks = {"10.1.1.1"}; }), {}, Request{.peer = "10.2.0.1"}},
      {"requestPrincipals", from([](auto& s) { s.requestPrincipals = {"https://i/s"}; }), token, of(kAlice)},
      {"fields are ANDed", from([](auto& s) {
         s.principals = {"*"};
         s.namespaces = {"a"};
       }),
       of(kAlice), of(kBob)},
      {"hosts", to([](auto& o) { o.hosts = {"A.com"}; }), Request{.host = "a.COM:1"}, Request{.host = "b.com"}},
      {"notHosts", to([](auto& o) { o.notHosts = {"A.com"}; }), Request{.host = "b.com"}, Request{.host = "a.COM:1"}},
      {"methods", to([](auto& o) { o.methods = {"G*"}; }), Request{}, Request{.method = "PUT"}},
      {"notMethods", to([](auto& o) { o.notMethods = {"PUT"}; }), Request{}, Request{.method = "PUT"}},
      {"paths", to([](auto& o) { o.paths = {"/a/*"}; }), Request{.path = "/a/b"}, Request{.path = "/b"}},
      {"path templates", to([](auto& o) { o.paths = {"/a/{*}/c"}; }), Request{.path = "/a/b/c"},
       Request{.path = "/a/c"}},
      {"notPaths", to([](auto& o) { o.notPaths = {"/a*"}; }), Request{.path = "/b"}, Request{.path = "/a/b"}},
      {"ports", to([](auto& o) {
         o.ports = {"8080"};
         o.methods = {"GET"};
       }),
       Request{}, Request{.method = "PUT"}},
      {"request.headers", when("request.headers[X-A]", {"1*"}), Request{.headers = {{"x-a", "12"}}}, Request{}},
      {"request.headers not", when("request.headers[X-A]", {}, {"1"}), Request{}, Request{.headers = {{"x-a", "1"}}}},
      {"source.ip", when("source.ip", {"10.1.1.1"}), Request{}, Request{.peer = "1.1.1.1"}},
      {"remote.ip", when("remote.ip", {"10.1.1.1"}), Request{}, Request{.peer = "1.1.1.1"}},
      {"source.namespace", when("source.namespace", {"a"}), of(kAlice), of(kBob)},
      {"source.principal", when("source.principal", {kAlice}), of(kAlice), of(kBob)},
      {"source.serviceAccount", when("source.serviceAccount", {"a/alice"}), of(kAlice), of(kBob)},
      {"request.auth.principal", when("request.auth.principal", {"https://i/*"}), token, Request{}},
      {"request.auth.audiences", when("request.auth.audiences", {"B"}), token, Request{}},
      {"request.auth.presenter", when("request.auth.presenter", {"P"}), token, Request{}},
      {"request.auth.claims", when("request.auth.claims[groups]", {"h"}), token, Request{}},
      {"destination.ip", when("destination.ip", {"10.2.0.0/16"}), Request{}, Request{.local = "1.1.1.1"}},
      {"connection.sni", when("connection.sni", {"s"}), Request{.sni = "s"}, Request{}},
      {"experimental", when("experimental.envoy.filters.a.b[k]", {"v"}),
       Request{.metadata = {{"envoy.filters.a.b/k", "v"}}}, Request{}},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    CHECK(allowMatches(c.rule, c.yes));
    CHECK_FALSE(allowMatches(c.rule, c.no));
    CHECK(denyMatches(c.rule, c.yes));
    CHECK_FALSE(denyMatches(c.rule, c.no));
  }
}

TEST_CASE("ports of operations are workload ports") {
  CHECK(allowMatches(to([](auto& o) { o.ports = {"8080"}; }), {}));
  CHECK_FALSE(allowMatches(to([](auto& o) { o.ports = {"80"}; }), {}));
  CHECK_FALSE(allowMatches(to([](auto& o) { o.notPorts = {"8080"}; }), {}));
  CHECK(allowMatches(when("destination.port", {"8080"}), {}));
}

TEST_CASE("a negative match on an identity needs one to let in, and none to deny (ISTIO-SECURITY-2021-004)") {
  const Spec::Rule rules[] = {
      from([](auto& s) { s.notPrincipals = {kBob}; }),
      from([](auto& s) { s.notNamespaces = {"b"}; }),
      from([](auto& s) { s.notServiceAccounts = {"b/bob"}; }),
      when("source.principal", {}, {kBob}),
      when("source.namespace", {}, {"b"}),
  };
  for (const auto& rule : rules) {
    CHECK(allowMatches(rule, of(kAlice)));
    CHECK_FALSE(allowMatches(rule, of(kBob)));
    CHECK_FALSE(allowMatches(rule, of("")));
    CHECK(denyMatches(rule, of(kAlice)));
    CHECK_FALSE(denyMatches(rule, of(kBob)));
    CHECK(denyMatches(rule, of("")));
  }
  Request token;
  token.claims = {{"iss", {"i"}}, {"sub", {"s"}}};
  const auto rule = from([](auto& s) { s.notRequestPrincipals = {"i/other"}; });
  CHECK(allowMatches(rule, token));
  CHECK_FALSE(allowMatches(rule, {}));
  CHECK(denyMatches(rule, {}));
  // The usual "deny who has no token".
  const auto any = from([](auto& s) { s.notRequestPrincipals = {"*"}; });
  CHECK(denyMatches(any, {}));
  CHECK_FALSE(denyMatches(any, token));
}

TEST_CASE("on TCP ports HTTP attributes never let in, and do not keep a DENY from denying") {
  const auto tcp = [](const std::string& principal) { return Request{.principal = principal, .port = 9000}; };
  const auto path = to([](auto& o) { o.paths = {"/a"}; });
  CHECK_FALSE(allowMatches(path, tcp(kAlice)));
  CHECK(denyMatches(path, tcp(kAlice)));
  auto mixed = path;
  mixed.from.emplace_back().principals = {kBob};
  CHECK_FALSE(allowMatches(mixed, tcp(kBob)));
  CHECK(denyMatches(mixed, tcp(kBob)));
  CHECK_FALSE(denyMatches(mixed, tcp(kAlice)));  // who it is can be told
  auto alternatives = path;
  alternatives.to.emplace_back().ports = {"9000"};
  CHECK(allowMatches(alternatives, tcp(kAlice)));
  CHECK_FALSE(allowMatches(when("request.headers[x]", {"1"}), tcp(kAlice)));
  CHECK(denyMatches(when("request.headers[x]", {"1"}), tcp(kAlice)));
  // CVE-2020-16844: a suffix on TCP.
  CHECK(denyMatches(from([](auto& s) { s.principals = {"*/sa/bob"}; }), tcp(kBob)));
  CHECK(denyMatches(from([](auto& s) { s.notRequestPrincipals = {"*"}; }), tcp(kBob)));
}

TEST_CASE("what cannot be evaluated never lets in, and denies") {
  const Spec::Rule rules[] = {
      when("nonsense", {"x"}),
      when("request.headers[x", {"x"}),
      when("source.ip", {"10.1"}),
      when("destination.port", {"http"}),
      when("source.ip", {}, {"10.1"}),
      when("source.principal", {}, {}),
      from([](auto& s) { s.ipBlocks = {"x"}; }),
      from([](auto&) {}),
      to([](auto&) {}),
  };
  for (const auto& rule : rules) {
    World world;
    world.policy("p", Action::allow, {rule});
    CHECK_FALSE(world.allows(of(kAlice)));
    CHECK(world.noted("AuthorizationPolicy/a/p rules[0]", "it never matches"));
    CHECK(denyMatches(rule, of(kAlice)));
  }
  // A wrong value beside a right one.
  CHECK(allowMatches(when("source.ip", {"x", "10.1.1.1"}), {}));
  CHECK(denyMatches(when("source.ip", {"x", "10.9.9.9"}), {}));
}

TEST_CASE("policies with errors fail closed") {
  World world;
  world.policy("allow", Action::allow, {Spec::Rule{}, to([](auto& o) { o.methods = {"GET"}; })},
               {errorAt("spec.rules[0].from")});
  CHECK(world.allows());
  CHECK_FALSE(world.allows({.method = "PUT"}));
  CHECK(world.noted("AuthorizationPolicy/a/allow rules[0]", "never matches"));
  world.policy("allow", Action::allow, {Spec::Rule{}}, {errorAt("spec.action")});
  CHECK_FALSE(world.allows());

  World denying;
  denying.policy("deny", Action::deny, {to([](auto& o) { o.methods = {"PUT"}; })},
                 {errorAt("spec.rules[0].to[0].operation.paths")});
  CHECK_FALSE(denying.allows());
  CHECK(denying.noted("AuthorizationPolicy/a/deny", "every request to its workloads is denied"));

  World selecting;
  selecting.policy("elsewhere", Action::deny, {Spec::Rule{}}, {errorAt("spec.rules[0]")}, "a", {{"app", "y"}});
  CHECK(selecting.allows());
  // An unreadable selector stays within the namespace.
  selecting.policy("root", Action::deny, {}, {errorAt("spec.selector.matchLabels")}, "istio-system");
  CHECK(selecting.allows());
  selecting.policy("own", Action::allow, {}, {errorAt("spec.selector.matchLabels")});
  CHECK_FALSE(selecting.allows());
}

TEST_CASE("CUSTOM without a provider denies") {
  World world;
  world.policy("custom", Action::custom, {to([](auto& o) { o.paths = {"/x"}; })});
  CHECK_FALSE(world.allows());
  CHECK(world.noted("AuthorizationPolicy/a/custom", "nobody can be asked"));
}

TEST_CASE("a new policy switches the old RBAC off for its workloads; AUDIT decides nothing") {
  World world;
  world.add<api::ClusterRbacConfig>("", "default", [](auto& o) { o.spec.mode = api::RbacConfigSpec::Mode::on; });
  CHECK_FALSE(world.allows());
  world.policy("other", Action::allow, {Spec::Rule{}}, {}, "a", {{"app", "y"}});
  CHECK_FALSE(world.allows());
  world.policy("audit", Action::audit, {Spec::Rule{}});
  CHECK_FALSE(world.allows());
  CHECK(world.authorization().filters.size() == 2);
  world.policy("new", Action::allow, {Spec::Rule{}});
  CHECK(world.allows());
}

TEST_CASE("a gateway's port speaks what its servers say, not what the service calls it") {
  World world;
  const api::Labels edge{{"app", "edge"}};
  world.service("a", "edge", {{"https", 443, "8443"}, {"tls", 444, "8444"}}, edge);
  world.policy("p", Action::allow, {to([](auto& o) { o.paths = {"/a"}; })});
  const auto passes = [&](std::uint32_t port) {
    return allowed(world.ask(AuthorizationOf{"a", edge, "s", port}), {.path = "/a", .port = port});
  };
  CHECK_FALSE(passes(8443));
  world.add<api::Gateway>("a", "edge", [&](auto& o) {
    o.spec.selector = edge;
    for (const auto& [number, protocol, mode] : {std::tuple{443U, "HTTPS", api::GatewaySpec::Tls::Mode::simple},
                                                 std::tuple{444U, "HTTPS", api::GatewaySpec::Tls::Mode::passthrough},
                                                 std::tuple{8080U, "HTTP", api::GatewaySpec::Tls::Mode::simple}}) {
      auto& server = o.spec.servers.emplace_back();
      server.port = number;
      server.protocol = protocol;
      server.hosts = {"*"};
      if (server.protocol == "HTTP") continue;
      server.tls.emplace().mode = mode;
      if (mode == api::GatewaySpec::Tls::Mode::simple) server.tls->credentialName = "c";
    }
  });
  CHECK(passes(8443));
  CHECK_FALSE(passes(8444));
  CHECK(passes(8080));  // no service names it
}

TEST_CASE("ports that no service names are TCP") {
  World world;
  world.policy("p", Action::allow, {to([](auto& o) { o.methods = {"GET"}; })});
  CHECK_FALSE(allowed(world.authorization(0), {}));
  world.policy("p", Action::allow, {from([](auto& s) { s.principals = {"*"}; })});
  CHECK(allowed(world.authorization(0), of(kAlice)));
}
