#include <functional>

#include <catch2/catch.hpp>

#include "fixtures.h"
#include "support/evaluate_condition.h"

using namespace fairway;
using namespace fairway::test;
using normalize::AuthorizationOf;
using Mode = api::RbacConfigSpec::Mode;
using Rule = api::ServiceRoleSpec::Rule;
using Subject = api::ServiceRoleBindingSpec::Subject;

namespace {

const api::Labels kLabels{{"app", "x"}, {"version", "v1"}};
const std::string kAlice = "cluster.local/ns/a/sa/alice";
const std::string kBob = "cluster.local/ns/b/sa/bob";

// x: 80 -> 8080 (http), 81 -> 9000 (tcp).
struct World : Mesh {
  World() {
    service("a", "x", {{"http", 80, "8080"}, {"tcp", 81, "9000"}}, {{"app", "x"}});
    config(Mode::on);
  }
  void config(Mode mode, api::RbacConfigSpec::Target inclusion = {}, api::RbacConfigSpec::Target exclusion = {},
              bool permissive = false, api::Problems problems = {}) {
    add<api::ClusterRbacConfig>("", "default", [&](auto& o) {
      o.spec.mode = mode;
      o.spec.inclusion = inclusion;
      o.spec.exclusion = exclusion;
      o.spec.permissive = permissive;
      o.problems = problems;
    });
  }
  void role(const std::string& name, std::vector<Rule> rules, api::Problems problems = {},
            const std::string& ns = "a") {
    add<api::ServiceRole>(ns, name, [&](auto& o) {
      o.spec.rules = std::move(rules);
      o.problems = problems;
    });
  }
  void bind(const std::string& role, std::vector<Subject> subjects, bool permissive = false,
            api::Problems problems = {}, const std::string& ns = "a", const std::string& name = {}) {
    add<api::ServiceRoleBinding>(ns, name.empty() ? "bind-" + role : name, [&](auto& o) {
      o.spec.roleKind = "ServiceRole";
      o.spec.roleName = role;
      o.spec.permissive = permissive;
      o.spec.subjects = std::move(subjects);
      o.problems = problems;
    });
  }
  model::Authorization authorization(std::uint32_t port = 8080, const std::string& ns = "a") {
    return ask(AuthorizationOf{ns, kLabels, "svc-account", port});
  }
  bool allows(Request request = {}) { return allowed(authorization(request.port), request); }
};

Rule everything() {
  Rule rule;
  rule.services = {"*"};
  return rule;
}
Subject user(const std::string& name) {
  Subject subject;
  subject.user = name;
  return subject;
}
Subject property(const std::string& key, const std::string& value) {
  Subject subject;
  subject.properties[key] = value;
  return subject;
}
Rule constraint(const std::string& key, std::vector<std::string> values) {
  auto rule = everything();
  rule.constraints = {{key, std::move(values)}};
  return rule;
}

}  // namespace

TEST_CASE("RBAC is off unless a config named default says otherwise") {
  World world;
  CHECK_FALSE(world.allows());
  REQUIRE(world.authorization().filters.size() == 1);
  CHECK(world.authorization().filters[0].rules.empty());  // on without roles: a filter that denies everything
  world.config(Mode::off);
  CHECK(world.authorization().filters.empty());
  world.remove(api::Kind::cluster_rbac_config, "", "default");
  CHECK(world.allows());
  world.add<api::RbacConfig>("any", "other", [](auto& o) { o.spec.mode = Mode::on; });
  CHECK(world.allows());
  world.add<api::RbacConfig>("any", "default", [](auto& o) { o.spec.mode = Mode::on; });
  CHECK_FALSE(world.allows());
  // ClusterRbacConfig beats RbacConfig.
  world.config(Mode::off);
  CHECK(world.allows());
  CHECK(world.noted("RbacConfig/any/default", "has no effect", Severity::warning));
}

TEST_CASE("of two RbacConfigs the oldest decides") {
  for (const bool swapped : {false, true}) {
    World world;
    world.remove(api::Kind::cluster_rbac_config, "", "default");
    world.add<api::RbacConfig>(swapped ? "z" : "a", "default", [](auto& o) {
      o.meta.creationTimestamp = "2020-01-01T00:00:00Z";
      o.spec.mode = Mode::on;
    });
    world.add<api::RbacConfig>(swapped ? "a" : "z", "default", [](auto& o) {
      o.meta.creationTimestamp = "2021-01-01T00:00:00Z";
      o.spec.mode = Mode::off;
    });
    CHECK_FALSE(world.allows());
  }
}

TEST_CASE("inclusion and exclusion name services and namespaces exactly") {
  const auto host = fqdn("x", "a");
  struct Case {
    Mode mode;
    api::RbacConfigSpec::Target target;
    bool checked, checkedOther;  // the service's port; a port that no service names
  };
  const Case cases[] = {
      {Mode::on_with_inclusion, {{host}, {}}, true, false},
      {Mode::on_with_inclusion, {{}, {"a"}}, true, true},
      {Mode::on_with_inclusion, {{"*"}, {"*"}}, false, false},
      {Mode::on_with_inclusion, {{"x.a.svc"}, {"b"}}, false, false},
      {Mode::on_with_exclusion, {{host}, {}}, false, true},
      {Mode::on_with_exclusion, {{}, {"a"}}, false, false},
      {Mode::on_with_exclusion, {{"*"}, {"*"}}, true, true},
      {Mode::on_with_exclusion, {}, true, true},
      {Mode::on, {}, true, true},
  };
  for (const auto& c : cases) {
    World world;
    world.config(c.mode, c.target, c.target);
    CHECK(world.allows() == !c.checked);
    CHECK(world.allows({.port = 7777}) == !c.checkedOther);
    CHECK(allowed(world.authorization(0), {}) == !c.checkedOther);
  }
}

TEST_CASE("roles let nobody in on ports that no service names") {
  World world;
  world.role("all", {everything()});
  world.bind("all", {user("*")});
  CHECK(world.allows());
  CHECK_FALSE(world.allows({.port = 7777}));
}

TEST_CASE("a config that cannot be read leaves RBAC on") {
  for (const auto* field : {"spec.mode", "spec.inclusion", "spec", "spec.inclusion.namespaces"}) {
    World world;
    world.config(field == std::string("spec.inclusion") ? Mode::on_with_inclusion : Mode::off, {}, {}, true,
                 {errorAt(field)});
    CHECK_FALSE(world.allows());
    CHECK(world.noted("ClusterRbacConfig/default", "has errors"));
  }
  World world;
  world.config(Mode::on_with_exclusion, {}, {{}, {"a"}}, false, {errorAt("spec.exclusion.services[0]")});
  CHECK(world.allows());  // what could be read of the exclusion stays
  world.config(Mode::on, {}, {}, true, {errorAt("spec.enforcement_mode")});
  CHECK_FALSE(world.allows());
}

TEST_CASE("roles and bindings: a policy named like the role, with its provenance") {
  World world;
  world.role("viewer", {everything()});
  world.bind("viewer", {user(kAlice)});
  const auto authorization = world.authorization();
  REQUIRE(authorization.filters.size() == 1);
  REQUIRE(authorization.filters[0].rules.size() == 1);
  CHECK(authorization.filters[0].enforced);
  CHECK(authorization.filters[0].shadowRules.empty());
  CHECK(authorization.filters[0].rules[0].name == "viewer");
  CHECK(authorization.filters[0].rules[0].provenance == model::Provenance{"ServiceRole", "a", "viewer", ""});
  CHECK(world.allows({.principal = kAlice}));
  CHECK_FALSE(world.allows({.principal = kBob}));
  CHECK_FALSE(world.allows());
}

TEST_CASE("a role without binding and a binding without role give nothing") {
  World world;
  world.role("lonely", {everything()});
  world.bind("missing", {user("*")});
  CHECK_FALSE(world.allows());
  CHECK(world.authorization().filters.at(0).rules.empty());
  CHECK(world.noted("ServiceRoleBinding/a/bind-missing", "there is no ServiceRole \"missing\""));
}

TEST_CASE("roles and bindings are confined to their namespace") {
  World world;
  world.role("r", {everything()}, {}, "b");
  world.bind("r", {user("*")}, false, {}, "b");
  CHECK_FALSE(world.allows());
  world.role("r", {everything()});
  CHECK_FALSE(world.allows());  // the binding is in namespace b
  Rule other;
  other.services = {fqdn("x", "a")};
  world.role("q", {other}, {}, "b");
  world.bind("q", {user("*")}, false, {}, "b");
  CHECK_FALSE(world.allows());
}

TEST_CASE("services of a rule") {
  struct Case {
    std::vector<std::string> services;
    bool allowed;
  };
  const Case cases[] = {
      {{fqdn("x", "a")}, true},
      {{"x.a.*"}, true},
      {{"*.svc.cluster.local"}, true},
      {{"*"}, true},
      {{}, true},
      {{"x"}, false},
      {{fqdn("y", "a")}, false},
      {{fqdn("y", "a"), "*"}, true},
      {{"X.a.*"}, false},
  };
  for (const auto& c : cases) {
    World world;
    Rule rule;
    rule.services = c.services;
    world.role("r", {rule});
    world.bind("r", {user("*")});
    CHECK(world.allows() == c.allowed);
  }
}

TEST_CASE("RBAC applies to every Service that shares the pod port") {
  World world;
  world.service("a", "y", {{"http", 90, "8080"}}, {{"app", "x"}});
  Rule forY;
  forY.services = {fqdn("y", "a")};
  forY.methods = {"PUT"};
  world.role("y", {forY});
  world.bind("y", {user("*")});
  CHECK(world.allows({.method = "PUT"}));
  CHECK_FALSE(world.allows());
  // Covered as soon as one of them is; roles count for the covered ones.
  world.config(Mode::on_with_inclusion, {{fqdn("x", "a")}, {}});
  CHECK_FALSE(world.allows({.method = "PUT"}));
}

TEST_CASE("fields of a rule") {
  struct Case {
    const char* what;
    std::function<void(Rule&)> fill;
    Request yes, no;
  };
  const Case cases[] = {
      {"method",
       [](Rule& r) {
         r.methods = {"GET", "HEAD"};
       },
       {.method = "HEAD"},
       {.method = "POST"}},
      {"method *",
       [](Rule& r) {
         r.methods = {"*"};
         r.paths = {"/a"};
       },
       {.method = "X", .path = "/a"},
       {.path = "/b"}},
      {"notMethods", [](Rule& r) { r.notMethods = {"GET"}; }, {.method = "PUT"}, {.method = "GET"}},
      {"path exact", [](Rule& r) { r.paths = {"/a"}; }, {.path = "/a"}, {.path = "/a/b"}},
      {"path prefix", [](Rule& r) { r.paths = {"/a/*"}; }, {.path = "/a/b"}, {.path = "/b"}},
      {"path suffix", [](Rule& r) { r.paths = {"*/b"}; }, {.path = "/a/b"}, {.path = "/b/a"}},
      {"path *x*", [](Rule& r) { r.paths = {"*b*"}; }, {.path = "/ab*"}, {.path = "/abc"}},
      {"path case", [](Rule& r) { r.paths = {"/A"}; }, {.path = "/A"}, {.path = "/a"}},
      {"no regex", [](Rule& r) { r.paths = {"/a.c"}; }, {.path = "/a.c"}, {.path = "/abc"}},
      {"notPaths", [](Rule& r) { r.notPaths = {"/admin*"}; }, {.path = "/a"}, {.path = "/admin/x"}},
      {"hosts",
       [](Rule& r) { r.hosts = {"Shop.example.com"}; },
       {.host = "shop.EXAMPLE.com:80"},
       {.host = "b.example.com"}},
      {"notHosts", [](Rule& r) { r.notHosts = {"a.com"}; }, {.host = "b.com"}, {.host = "A.com:8080"}},
      {"ports",
       [](Rule& r) {
         r.ports = {8080, 1};
         r.methods = {"GET"};
       },
       {},
       {.method = "PUT"}},
      {"and",
       [](Rule& r) {
         r.paths = {"/a"};
         r.methods = {"GET"};
       },
       {.path = "/a"},
       {.method = "PUT", .path = "/a"}},
      {"header",
       [](Rule& r) {
         r.constraints = {{"request.headers[X-V]", {"1", "2*"}}};
       },
       {.headers = {{"x-v", "22"}}},
       {.headers = {{"x-v", "3"}}}},
      {"header *",
       [](Rule& r) {
         r.constraints = {{"request.headers[x-v]", {"*"}}};
       },
       {.headers = {{"x-v", ""}}},
       {}},
      {"sni",
       [](Rule& r) {
         r.constraints = {{"connection.sni", {"*.a.com"}}};
       },
       {.sni = "x.a.com"},
       {.sni = "b.com"}},
      {"ip",
       [](Rule& r) {
         r.constraints = {{"destination.ip", {"10.2.0.0/16"}}};
       },
       {},
       {.local = "10.3.0.1"}},
      {"metadata",
       [](Rule& r) {
         r.constraints = {{"experimental.envoy.filters.a.b[k]", {"v"}}};
       },
       {.metadata = {{"envoy.filters.a.b/k", "v"}}},
       {.metadata = {{"envoy.filters.a.b/k", "w"}}}},
      {"two constraints",
       [](Rule& r) {
         r.constraints = {{"connection.sni", {"s"}}, {"request.headers[h]", {"1"}}};
       },
       {.headers = {{"h", "1"}}, .sni = "s"},
       {.sni = "s"}},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    World world;
    auto rule = everything();
    c.fill(rule);
    world.role("r", {rule});
    world.bind("r", {user("*")});
    CHECK(world.allows(c.yes));
    CHECK_FALSE(world.allows(c.no));
  }
}

TEST_CASE("ports of roles are workload ports") {
  for (const auto& [ports, notPorts, expected] :
       std::vector<std::tuple<std::vector<std::uint32_t>, std::vector<std::uint32_t>, bool>>{
           {{8080}, {}, true}, {{80}, {}, false}, {{}, {8080}, false}, {{}, {80}, true}}) {
    World world;
    auto rule = everything();
    rule.ports = ports;
    rule.notPorts = notPorts;
    world.role("r", {rule});
    world.bind("r", {user("*")});
    CHECK(world.allows() == expected);
  }
}

TEST_CASE("constraints that are settled when the policy is built") {
  struct Case {
    std::string key;
    std::vector<std::string> values;
    bool allowed;
  };
  const Case cases[] = {
      {"destination.labels[version]", {"v2", "v1"}, true},
      {"destination.labels[version]", {"v*"}, true},
      {"destination.labels[version]", {"v2"}, false},
      {"destination.labels[absent]", {"*"}, false},
      {"destination.name", {"x"}, true},
      {"destination.name", {"y"}, false},
      {"destination.namespace", {"a"}, true},
      {"destination.namespace", {"b"}, false},
      {"destination.user", {"svc-account"}, true},
      {"destination.user", {"other"}, false},
      {"destination.user", {"cluster.local/ns/a/sa/svc-account"}, false},
      {"destination.port", {"8080"}, true},
      {"destination.port", {"80"}, false},
  };
  for (const auto& c : cases) {
    INFO(c.key << " " << c.values[0]);
    World world;
    world.role("r", {constraint(c.key, c.values)});
    world.bind("r", {user("*")});
    CHECK(world.allows() == c.allowed);
  }
}

TEST_CASE("unknown constraints and values that cannot be read never hold, and say so") {
  struct Case {
    std::string key;
    std::vector<std::string> values;
    bool allowed;
    std::string note;
  };
  const Case cases[] = {
      {"destination.unknown", {"*"}, false, "no known constraint"},
      {"request.header[x]", {"*"}, false, "no known constraint"},
      {"request.headers[]", {"*"}, false, "no known constraint"},
      {"source.principal", {"*"}, false, "no known constraint"},
      {"destination.ip", {"10.2.2"}, false, "no value is an IP address"},
      {"destination.ip", {"10.2.2", "10.2.2.2"}, true, "found \"10.2.2\""},
      {"destination.port", {"http"}, false, "no value is a port number"},
      {"connection.sni", {}, false, "no values"},
  };
  for (const auto& c : cases) {
    INFO(c.key);
    World world;
    world.role("r", {constraint(c.key, c.values)});
    world.bind("r", {user("*")});
    CHECK(world.allows() == c.allowed);
    CHECK(world.noted("ServiceRole/a/r", c.note));
  }
}

TEST_CASE("rules of a role are alternatives, each keeps to itself") {
  World world;
  auto get = everything();
  get.methods = {"GET"};
  auto put = everything();
  put.methods = {"PUT"};
  world.role("r", {get, constraint("nonsense", {"x"}), put});
  world.bind("r", {user("*")});
  CHECK(world.allows({.method = "PUT"}));
  CHECK(world.allows({.method = "GET"}));
  CHECK_FALSE(world.allows({.method = "POST"}));
}

TEST_CASE("fields of a subject") {
  const auto subject = [](std::function<void(Subject&)> fill) {
    Subject result;
    fill(result);
    return result;
  };
  const auto of = [](const std::string& principal) { return Request{.principal = principal}; };
  Request grouped = of(kAlice);
  grouped.claims = {{"iss", {"i"}}, {"sub", {"s"}}, {"groups", {"g", "h"}}, {"aud", {"A"}}, {"azp", {"P"}}};
  Request ungrouped = of(kAlice);
  ungrouped.claims = {{"iss", {"i"}}, {"sub", {"s"}}, {"groups", {"k"}}};
  struct Case {
    const char* what;
    Subject subject;
    std::vector<Request> yes, no;
  };
  const Case cases[] = {
      {"user * is anyone, also unauthenticated", user("*"), {of(""), of(kAlice)}, {}},
      {"user", user(kAlice), {of(kAlice)}, {of(kBob), of("")}},
      {"user prefix", user("cluster.local/ns/a/*"), {of(kAlice)}, {of(kBob), of("")}},
      {"user suffix (CVE-2020-16844)", user("*/sa/alice"), {of(kAlice)}, {of(kBob), of("")}},
      {"spiffe:// is not written", user("spiffe://" + kAlice), {}, {of(kAlice)}},
      {"names",
       subject([](auto& s) {
         s.names = {kAlice, kBob};
       }),
       {of(kAlice), of(kBob)},
       {of("")}},
      {"names *", subject([](auto& s) { s.names = {"*"}; }), {}, {of(kAlice), of("")}},
      {"allUsers", subject([](auto& s) { s.names = {"allUsers"}; }), {of(kAlice), of("")}, {}},
      {"allAuthenticatedUsers", subject([](auto& s) { s.names = {"allAuthenticatedUsers"}; }), {of(kAlice)}, {of("")}},
      {"notNames needs an identity", subject([](auto& s) { s.notNames = {kAlice}; }), {of(kBob)}, {of(kAlice), of("")}},
      {"notNames allUsers", subject([](auto& s) { s.notNames = {"allUsers"}; }), {}, {of(kAlice), of("")}},
      {"namespaces", subject([](auto& s) { s.namespaces = {"a"}; }), {of(kAlice)}, {of(kBob), of("")}},
      {"notNamespaces needs an identity (ISTIO-SECURITY-2021-004)",
       subject([](auto& s) { s.notNamespaces = {"a"}; }),
       {of(kBob)},
       {of(kAlice), of("")}},
      {"ips",
       subject([](auto& s) {
         s.ips = {"10.1.0.0/16", "1.1.1.1"};
       }),
       {of("")},
       {Request{.peer = "10.9.0.1"}}},
      {"notIps", subject([](auto& s) { s.notIps = {"10.1.0.0/16"}; }), {Request{.peer = "10.9.0.1"}}, {of("")}},
      {"unreadable notIps is nobody", subject([](auto& s) { s.notIps = {"10.1"}; }), {}, {of(""), of(kAlice)}},
      {"group", subject([](auto& s) { s.group = "g"; }), {grouped}, {ungrouped, of(kAlice)}},
      {"groups",
       subject([](auto& s) {
         s.groups = {"x", "h"};
       }),
       {grouped},
       {ungrouped, of(kAlice)}},
      {"notGroups needs a token", subject([](auto& s) { s.notGroups = {"g"}; }), {ungrouped}, {grouped, of(kAlice)}},
      {"source.ip", property("source.ip", "10.1.1.1"), {of("")}, {Request{.peer = "10.1.1.2"}}},
      {"source.namespace", property("source.namespace", "a"), {of(kAlice)}, {of(kBob), of("")}},
      {"source.namespace star inside", property("source.namespace", "*a*"), {of(kAlice)}, {of(kBob), of("")}},
      {"source.namespace is no regex", property("source.namespace", "."), {}, {of(kAlice)}},
      {"source.principal * is any authenticated", property("source.principal", "*"), {of(kAlice)}, {of("")}},
      {"source.principal", property("source.principal", kAlice), {of(kAlice)}, {of(kBob)}},
      {"source.user", property("source.user", kAlice), {of(kAlice)}, {of(kBob)}},
      {"request.headers", property("request.headers[X]", "1"), {Request{.headers = {{"x", "1"}}}}, {of("")}},
      {"request.auth.principal is the peer", property("request.auth.principal", kAlice), {of(kAlice)}, {of(kBob)}},
      {"request.auth.audiences", property("request.auth.audiences", "A"), {grouped}, {ungrouped}},
      {"request.auth.presenter", property("request.auth.presenter", "P"), {grouped}, {ungrouped}},
      {"request.auth.claims", property("request.auth.claims[groups]", "g"), {grouped}, {ungrouped}},
      {"unknown property", property("source.nonsense", "*"), {}, {of(kAlice), of(""), grouped}},
      {"fields are ANDed",
       subject([](auto& s) {
         s.user = kAlice;
         s.properties["source.principal"] = kBob;
       }),
       {},
       {of(kAlice), of(kBob)}},
      {"nothing is nobody", Subject{}, {}, {of(kAlice), of("")}},
  };
  for (const auto& c : cases) {
    INFO(c.what);
    World world;
    world.role("r", {everything()});
    world.bind("r", {c.subject});
    for (const auto& request : c.yes) CHECK(world.allows(request));
    for (const auto& request : c.no) CHECK_FALSE(world.allows(request));
  }
}

TEST_CASE("unknown properties say so") {
  World world;
  world.role("r", {everything()});
  world.bind("r", {property("source.nonsense", "x"), user(kBob)});
  CHECK(world.allows({.principal = kBob}));
  CHECK(world.noted("ServiceRoleBinding/a/bind-r subjects[0]", "no known property"));
}

TEST_CASE("request.auth.principal is the token's where the policy binds it so") {
  World world;
  world.add<api::Policy>("a", "default", [](auto& o) {
    o.spec.useOrigin = true;
    o.spec.originIsOptional = true;
    o.spec.peers.emplace_back().mtls.emplace();
    o.spec.origins.emplace_back().issuer = "i";
  });
  world.role("r", {everything()});
  world.bind("r", {property("request.auth.principal", "*")});
  CHECK_FALSE(world.allows({.principal = kAlice}));
  CHECK(world.allows({.claims = {{"iss", {"i"}}, {"sub", {"s"}}}}));
}

TEST_CASE("trust domains: user and source.principal expand, names do not") {
  World world;
  store::MeshConfig settings;
  settings.trustDomain = "corp";
  world.setMesh(settings);
  world.role("r", {everything()});
  const Request alice{.principal = "corp/ns/a/sa/alice"};
  Subject named;
  named.names = {kAlice};
  world.bind("r", {user(kAlice)});
  CHECK(world.allows(alice));
  world.bind("r", {property("source.principal", kAlice)});
  CHECK(world.allows(alice));
  world.bind("r", {named});
  CHECK_FALSE(world.allows(alice));
}

TEST_CASE("permissive bindings go to the shadow rules and let nobody in") {
  World world;
  world.role("r", {everything()});
  world.bind("r", {user("*")}, true);
  CHECK_FALSE(world.allows());
  const auto filter = world.authorization().filters.at(0);
  CHECK(filter.rules.empty());
  REQUIRE(filter.shadowRules.size() == 1);
  CHECK(filter.shadowRules[0].name == "r");
  // Both modes for one role: each in its place.
  world.bind("r", {user(kAlice)}, false, {}, "a", "second");
  CHECK(world.allows({.principal = kAlice}));
  CHECK_FALSE(world.allows({.principal = kBob}));
  CHECK(world.authorization().filters.at(0).shadowRules.size() == 1);
}

TEST_CASE("enforcementMode PERMISSIVE lets everything pass") {
  World world;
  world.config(Mode::on, {}, {}, true);
  world.role("r", {everything()});
  world.bind("r", {user(kAlice)});
  CHECK(world.allows({.principal = kBob}));
  const auto filter = world.authorization().filters.at(0);
  CHECK_FALSE(filter.enforced);
  CHECK(filter.rules.empty());
  CHECK(filter.shadowRules.size() == 1);
}

TEST_CASE("HTTP-only items on a TCP port are left out, never opened") {
  // Attributes of a token, as if they could be there: they must not be looked at.
  Request tcp{.principal = kAlice, .port = 9000};
  tcp.headers = {{"x", "1"}};
  tcp.claims = {{"iss", {"i"}}, {"sub", {"s"}}, {"groups", {"g"}}, {"x", {"1"}}};
  World world;
  world.bind("r", {user("*")});
  const std::function<void(Rule&)> httpOnly[] = {
      [](Rule& r) { r.methods = {"*"}; },
      [](Rule& r) { r.notMethods = {"X"}; },
      [](Rule& r) { r.paths = {"*"}; },
      [](Rule& r) { r.notPaths = {"/x"}; },
      [](Rule& r) { r.hosts = {"*"}; },
      [](Rule& r) { r.notHosts = {"x"}; },
      [](Rule& r) {
        r.constraints = {{"request.headers[x]", {"*"}}};
      },
  };
  for (const auto& fill : httpOnly) {
    auto rule = everything();
    fill(rule);
    world.role("r", {rule});
    CHECK_FALSE(world.allows(tcp));
    world.role("r", {rule, everything()});  // its siblings stay
    CHECK(world.allows(tcp));
  }
  world.role("r", {everything()});
  Subject group;
  group.group = "g";
  Subject notGroups = user("*");
  notGroups.notGroups = {"other"};
  for (const auto& subject : {group, notGroups, property("source.user", "*"), property("request.headers[x]", "*"),
                              property("request.auth.principal", "*"), property("request.auth.claims[x]", "*")}) {
    world.bind("r", {subject});
    CHECK_FALSE(world.allows(tcp));
    world.bind("r", {subject, property("source.namespace", "a")});
    CHECK(world.allows(tcp));
  }
  for (const auto& [key, value] : std::map<std::string, std::string>{
           {"source.ip", "10.1.1.1"}, {"source.namespace", "a"}, {"source.principal", kAlice}}) {
    world.bind("r", {property(key, value)});
    CHECK(world.allows(tcp));
  }
}

TEST_CASE("errors in a role or binding take away only what they are in") {
  World world;
  auto get = everything();
  get.methods = {"GET"};
  world.role("r", {get, everything()}, {errorAt("spec.rules[1].paths")});
  world.bind("r", {user(kAlice)});
  CHECK(world.allows({.principal = kAlice}));
  CHECK_FALSE(world.allows({.method = "PUT", .principal = kAlice}));
  CHECK(world.noted("ServiceRole/a/r rules[1]", "has errors"));

  world.bind("r", {user(kAlice), user("*")}, false, {errorAt("spec.subjects[1].properties")});
  CHECK(world.allows({.principal = kAlice}));
  CHECK_FALSE(world.allows({.principal = kBob}));

  // roleRef without a usable name or kind skips that object, not the later ones.
  world.add<api::ServiceRoleBinding>("a", "a-first", [](auto& o) { o.problems = {errorAt("spec.roleRef")}; });
  world.add<api::ServiceRoleBinding>("a", "b-kind", [](auto& o) {
    o.spec.roleKind = "Role";
    o.spec.roleName = "r";
    o.spec.subjects = {user("*")};
  });
  CHECK(world.allows({.principal = kAlice}));
  CHECK_FALSE(world.allows({.principal = kBob}));

  world.role("r", {get}, {errorAt("spec")});
  CHECK_FALSE(world.allows({.principal = kAlice}));
}

TEST_CASE("policies are sorted by name") {
  World world;
  for (const auto* name : {"z", "a", "m"}) {
    world.role(name, {everything()});
    world.bind(name, {user(kAlice)});
  }
  const auto rules = world.authorization().filters.at(0).rules;
  REQUIRE(rules.size() == 3);
  CHECK((rules[0].name == "a" && rules[1].name == "m" && rules[2].name == "z"));
}

TEST_CASE("the founding walk-through: everything denied, then what the roles let in") {
  World world;
  world.config(Mode::on_with_inclusion, {{}, {"a"}});
  CHECK_FALSE(world.allows());
  auto rule = everything();
  rule.methods = {"*"};
  world.role("onap-default", {rule});
  world.bind("onap-default", {user("*")});
  CHECK(world.allows());
}
