#include "api/mesh_config.h"
#include "fixtures.h"
#include "normalize/jwt_triggers.h"
#include "normalize/key_set.h"

using namespace fairway;
using namespace fairway::test;
using normalize::RequestAuthenticationOf;
using Need = model::RequestAuthentication::Need;
using Old = api::AuthenticationPolicySpec;
using Match = api::StringMatch;
using Type = model::StringMatcher::Type;

namespace {

const api::Labels kLabels{{"app", "x"}};
const std::string kKeys = R"({"keys":[{"k":"c2VjcmV0","kty":"oct"}]})";

// x: 80 -> 8080 (http), 81 -> 9000 (tcp).
struct World : Mesh {
  World() { service("a", "x", {{"http", 80, "8080"}, {"tcp", 81, "9000"}}, kLabels); }
  void rule(const std::string& ns, const std::string& name, const std::string& issuer, const api::Labels& selector = {},
            api::Problems problems = {}) {
    add<api::RequestAuthentication>(ns, name, [&](auto& o) {
      o.spec.selector = selector;
      o.spec.jwtRules.emplace_back().issuer = issuer;
      o.spec.jwtRules[0].jwks = kKeys;
      o.problems = problems;
    });
  }
  void old(const std::string& name, std::vector<Old::Target> targets, std::vector<Old::Jwt> origins,
           bool optional = false, api::Problems problems = {}) {
    add<api::Policy>("a", name, [&](auto& o) {
      o.spec.targets = std::move(targets);
      o.spec.origins = std::move(origins);
      o.spec.originIsOptional = optional;
      o.problems = problems;
    });
  }
  void keys(const std::string& url, const std::string& jwks, const std::string& problem = {}) {
    add<api::KeySet>("", url, [&](auto& o) { o.spec = {jwks, problem}; });
  }
  model::RequestAuthentication of(std::uint32_t port = 8080) {
    return ask(RequestAuthenticationOf{"a", kLabels, port});
  }
  std::vector<std::string> issuers(std::uint32_t port = 8080) {
    std::vector<std::string> result;
    for (const auto& provider : of(port).providers) result.push_back(provider.issuer);
    return result;
  }
};

Old::Jwt origin(const std::string& issuer, std::vector<Old::TriggerRule> triggers = {}) {
  Old::Jwt jwt;
  jwt.issuer = issuer;
  jwt.jwks = kKeys;
  jwt.triggerRules = std::move(triggers);
  return jwt;
}

Old::Target on(std::uint32_t port) {
  Old::Target target;
  target.name = "x";
  target.ports.emplace_back().number = port;
  return target;
}

// The providers that the first rule with matching paths names; nothing if no rule matches.
std::optional<std::vector<std::size_t>> decide(const std::vector<model::RequestAuthentication::Rule>& rules,
                                               const std::string& path) {
  const auto matches = [&](const model::StringMatcher& matcher) {
    switch (matcher.type) {
      case Type::exact: return path == matcher.value;
      case Type::prefix: return path.starts_with(matcher.value);
      case Type::suffix: return path.ends_with(matcher.value);
      case Type::regex: return matcher.value == "/r.*" && path.starts_with("/r");
      case Type::present: return true;
    }
    return false;
  };
  for (const auto& rule : rules) {
    if (std::all_of(rule.paths.begin(), rule.paths.end(), matches)) return rule.providers;
  }
  return std::nullopt;
}

}  // namespace

TEST_CASE("objects of workload, namespace and root namespace add up") {
  World world;
  CHECK(world.of().rules.empty());
  world.rule("istio-system", "mesh", "m");
  world.rule("a", "ns", "n");
  world.rule("a", "workload", "w", kLabels);
  world.rule("a", "other", "o", {{"app", "y"}});
  world.rule("b", "elsewhere", "e");
  CHECK(world.issuers() == std::vector<std::string>{"n", "w", "m"});
  const auto result = world.of();
  REQUIRE(result.rules.size() == 1);
  CHECK(result.rules[0].need == Need::valid_if_present);
  CHECK(result.rules[0].providers == std::vector<std::size_t>{0, 1, 2});
  CHECK_FALSE(result.required());
  CHECK(result.provenance.size() == 3);
}

TEST_CASE("target references: a gateway by its label, a service by the workloads behind it") {
  World world;
  const auto attach = [&](api::TargetRef target) {
    world.add<api::RequestAuthentication>("a", "p", [&](auto& o) {
      o.spec.jwtRules.emplace_back().issuer = "i";
      o.spec.targetRefs = {target};
    });
  };
  attach({"", "Service", "x"});
  CHECK(world.issuers().size() == 1);
  attach({"", "Service", "y"});
  CHECK(world.issuers().empty());
  attach({"gateway.networking.k8s.io", "Gateway", "g"});
  CHECK(world.issuers().empty());
  const api::Labels gateway{{"gateway.networking.k8s.io/gateway-name", "g"}};
  CHECK(world.ask(RequestAuthenticationOf{"a", gateway, 80}).providers.size() == 1);
  CHECK(world.ask(RequestAuthenticationOf{"b", gateway, 80}).providers.empty());
  attach({"", "Deployment", "x"});
  CHECK(world.issuers().empty());
  CHECK(world.noted("RequestAuthentication/a/p", "for no pod", Severity::warning));
}

TEST_CASE("keys: inline, fetched, or none, which refuses every token") {
  World world;
  world.add<api::RequestAuthentication>("a", "p", [](auto& o) {
    o.spec.jwtRules.emplace_back().issuer = "https://i";
    o.spec.jwtRules.emplace_back().issuer = "nobody";
  });
  const std::string url = "https://i/.well-known/openid-configuration";
  CHECK(world.of().providers.at(0).jwks.empty());
  CHECK(world.noted("RequestAuthentication/a/p", "have not come yet", Severity::info));
  CHECK(world.noted("RequestAuthentication/a/p", "is no URL"));
  world.keys(url, "", "refused");
  CHECK(world.of().providers.at(0).jwks.empty());
  CHECK(world.noted("RequestAuthentication/a/p", "cannot be had: refused; tokens of", Severity::warning));
  world.keys(url, kKeys);
  CHECK(world.of().providers.at(0).jwks == kKeys);
  world.keys(url, kKeys, "timed out");
  CHECK(world.of().providers.at(0).jwks == kKeys);
  CHECK(world.noted("RequestAuthentication/a/p", "stay in use", Severity::warning));
}

TEST_CASE("keys that Envoy cannot read are left out, and with them what says nothing of a key") {
  using normalize::usableKeys;
  const std::string big(344, 'A');
  const auto modulus = "3" + big.substr(0, 339) + "AAAB";
  CHECK_FALSE(usableKeys(R"({"keys":[{"kty":"RSA","e":"AQAB","n":")" + modulus + R"("}]})").empty());
  CHECK_FALSE(usableKeys(R"({"keys":[{"kty":"RSA","alg":"PS256","e":"Aw","n":")" + modulus + R"("}]})").empty());
  // The point of RFC 7515, appendix A.3.
  const std::string point =
      R"("x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")";
  CHECK_FALSE(usableKeys(R"({"keys":[{"kty":"EC",)" + point + "}]}").empty());
  CHECK_FALSE(usableKeys(R"({"keys":[{"kty":"EC","crv":"P-256","alg":"ES256",)" + point + "}]}").empty());
  CHECK_FALSE(
      usableKeys(R"({"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})")
          .empty());
  for (const std::string& key :
       {R"({"kty":"RSA","e":"AQAB","n":"AQAB"})" + std::string(), R"({"kty":"RSA","e":"Ag","n":")" + modulus + R"("})",
        R"({"kty":"RSA","alg":"HS256","e":"AQAB","n":")" + modulus + R"("})",
        R"({"kty":"EC","crv":"P-384",)" + point + "}", R"({"kty":"EC","alg":"ES384",)" + point + "}",
        std::string(R"({"kty":"EC","x":"AQ","y":"AQ"})"), std::string(R"({"kty":"oct"})"),
        std::string(R"({"kty":"oct","k":"a b"})"), std::string(R"({"kty":"OKP","crv":"X25519","x":"AQ"})"),
        std::string(R"({"kty":"other"})"), std::string("1")}) {
    INFO(key);
    CHECK(usableKeys(R"({"keys":[)" + key + "]}").empty());
    CHECK(usableKeys(R"({"keys":[)" + key + R"(,{"kty":"oct","k":"c2VjcmV0","x5c":["a"]}]})") == kKeys);
  }
  World world;
  world.rule("a", "p", "i");
  world.add<api::RequestAuthentication>(
      "a", "p", [](auto& o) { o.spec.jwtRules.emplace_back().jwks = R"({"keys":[{"kty":"RSA"}]})"; });
  CHECK(world.of().providers.at(0).jwks.empty());
  CHECK(world.noted("RequestAuthentication/a/p", "no key that can be used"));
}

TEST_CASE("an object with errors refuses every request of its workloads, of no others") {
  World world;
  world.rule("a", "broken", "i", kLabels, {errorAt("spec.jwtRules[0].fromHeaders[0].name")});
  REQUIRE(world.of().refuse);
  CHECK(world.of().refuse->name == "broken");
  CHECK(world.of().required());
  CHECK_FALSE(world.ask(RequestAuthenticationOf{"a", {{"app", "y"}}, 8080}).refuse);
  // Nobody knows whom it was meant for: all of its namespace.
  world.rule("a", "broken", "i", {}, {errorAt("spec.selector")});
  CHECK(world.ask(RequestAuthenticationOf{"a", {{"app", "y"}}, 8080}).refuse);
  CHECK_FALSE(world.ask(RequestAuthenticationOf{"b", {}, 8080}).refuse);
}

TEST_CASE("origins of the old policies: the narrowest policy counts alone, by service port") {
  World world;
  world.old("default", {}, {origin("n")});
  world.old("one", {on(80)}, {origin("p"), origin("q")});
  CHECK(world.issuers(8080) == std::vector<std::string>{"p", "q"});
  CHECK(world.issuers(9000) == std::vector<std::string>{"n"});
  const auto result = world.of();
  CHECK(result.required());
  CHECK(result.refusalText == "Origin authentication failed.");
  CHECK(result.providers[0].forward);
  // A narrower policy without origins switches the namespace's off.
  world.old("one", {on(80)}, {});
  CHECK(world.issuers().empty());
  world.old("one", {on(80)}, {origin("p")}, true);
  CHECK(world.of().rules.at(0).need == Need::optional);
  CHECK_FALSE(world.of().required());
  world.old("one", {on(80)}, {origin("p")}, true, {errorAt("spec.origins[0].jwt.issuer")});
  REQUIRE(world.of().refuse);
  // The newer kind replaces them.
  world.rule("a", "new", "w", kLabels);
  CHECK(world.issuers() == std::vector<std::string>{"w"});
  CHECK_FALSE(world.of().refuse);
}

TEST_CASE("trigger rules decide path by path as v1alpha1.md 1.3 says") {
  const auto m = [](Match::Type type, const std::string& value) { return Match{type, value}; };
  const auto exact = m(Match::Type::exact, "/health"), prefix = m(Match::Type::prefix, "/api"),
             suffix = m(Match::Type::suffix, ".jpg"), regex = m(Match::Type::regex, "/r.*");
  const std::vector<std::string> paths{"/health", "/healthy", "/api",       "/api/x.jpg", "/x.jpg", "/",
                                       "/r",      "/r/y.jpg", "/api/x.png", "/rapi",      "/api/r"};
  const auto holds = [](const Match& match, const std::string& path) {
    switch (match.type) {
      case Match::Type::exact: return path == match.value;
      case Match::Type::prefix: return path.starts_with(match.value);
      case Match::Type::suffix: return path.ends_with(match.value);
      default: return path.starts_with("/r");
    }
  };
  const auto takesPart = [&](const Old::Jwt& jwt, const std::string& path) {
    if (jwt.triggerRules.empty()) return true;
    return std::any_of(jwt.triggerRules.begin(), jwt.triggerRules.end(), [&](const auto& rule) {
      const auto any = [&](const auto& list) {
        return std::any_of(list.begin(), list.end(), [&](const auto& match) { return holds(match, path); });
      };
      return !any(rule.excludedPaths) && (rule.includedPaths.empty() || any(rule.includedPaths));
    });
  };
  const std::vector<std::vector<Old::Jwt>> cases{
      {origin("a")},
      {origin("a", {{{exact}, {}}})},
      {origin("a", {{{}, {prefix, suffix}}})},
      {origin("a", {{{suffix}, {prefix}}, {{prefix}, {exact, regex}}})},
      {origin("a", {{{exact, prefix}, {}}}), origin("b", {{{}, {prefix}}})},
      {origin("a", {{{}, {exact}}}), origin("b", {{{}, {suffix}}}), origin("c", {{{prefix}, {}}})},
      {origin("a", {{{regex}, {suffix}}}), origin("b")},
      {origin("a", {Old::TriggerRule{}})},
  };
  int decided = 0;
  for (const auto& origins : cases) {
    const auto rules = normalize::jwtRules(origins, Need::required);
    REQUIRE(rules);
    for (const auto& path : paths) {
      std::vector<std::size_t> expected;
      for (std::size_t i = 0; i < origins.size(); ++i) {
        if (takesPart(origins[i], path)) expected.push_back(i);
      }
      INFO(path);
      const auto found = decide(*rules, path);
      REQUIRE(found);
      CHECK(*found == expected);
      ++decided;
    }
  }
  CHECK(decided == 88);
}

TEST_CASE("trigger rules that Envoy cannot tell apart refuse every request") {
  const auto regex = [](const std::string& value) { return Match{Match::Type::regex, value}; };
  World world;
  world.old("default", {}, {origin("a", {{{}, {regex("/a.*")}}}), origin("b", {{{}, {regex("/.*b")}}})});
  REQUIRE(world.of().refuse);
  CHECK(world.noted("Policy/a/default", "two regular expressions"));
}

TEST_CASE("who decides for action CUSTOM") {
  World world;
  const auto policy = [&](const std::string& provider) {
    world.add<api::AuthorizationPolicy>("a", "p", [&](auto& o) {
      o.spec.action = api::AuthorizationPolicySpec::Action::custom;
      o.spec.provider = provider;
      o.spec.rules.emplace_back();
    });
  };
  world.add<api::ConfigMap>("istio-system", "istio", [](auto& o) {
    o.spec.mesh.emplace();
    const auto add = [&](const std::string& name, bool grpc, const std::string& service, std::uint32_t port) {
      auto& provider = o.spec.mesh->extensionProviders.emplace_back();
      provider.name = name;
      auto& authorizer = provider.extAuthz.emplace();
      authorizer.grpc = grpc;
      authorizer.service = service;
      authorizer.port = port;
    };
    add("http", false, "x.a.svc.cluster.local", 80);
    add("grpc", true, "a/x.a.svc.cluster.local", 81);
    add("nowhere", true, "y.a.svc.cluster.local", 80);
    o.spec.mesh->extensionProviders.emplace_back().name = "zipkin";
  });
  const auto filters = [&](std::uint32_t port) {
    return world.ask(normalize::AuthorizationOf{"a", kLabels, "s", port}).filters;
  };
  const auto asks = [&](std::uint32_t port) {
    const auto found = filters(port);
    return found.size() == 1 && found[0].action == model::AuthorizationFilter::Action::external && found[0].authorizer;
  };
  const auto denies = [&](std::uint32_t port) {
    const auto found = filters(port);
    return found.size() == 1 && found[0].action == model::AuthorizationFilter::Action::deny &&
           found[0].rules.at(0).permission == model::Condition::anything();
  };
  policy("http");
  REQUIRE(asks(8080));
  CHECK(filters(8080)[0].authorizer->timeout == std::chrono::minutes(10));
  CHECK(filters(8080)[0].authorizer->statusOnError == 403);
  CHECK(denies(9000));  // bytes cannot be told to an HTTP service
  policy("grpc");
  REQUIRE(asks(8080));
  CHECK(filters(8080)[0].authorizer->host == "x.a.svc.cluster.local");
  CHECK(asks(9000));
  for (const auto* name : {"nowhere", "zipkin", "unknown"}) {
    policy(name);
    CHECK(denies(8080));
  }
  CHECK(world.noted("AuthorizationPolicy/a/p", "not among the mesh's extensionProviders"));
}

TEST_CASE("a dry run decides nothing and is counted apart") {
  World world;
  const auto policy = [&](const std::string& name, api::AuthorizationPolicySpec::Action action, bool dryRun,
                          api::Problems problems = {}) {
    world.add<api::AuthorizationPolicy>("a", name, [&](auto& o) {
      o.spec.action = action;
      o.spec.dryRun = dryRun;
      o.spec.rules.emplace_back();
      o.problems = problems;
    });
  };
  using Action = api::AuthorizationPolicySpec::Action;
  const auto filters = [&] { return world.ask(normalize::AuthorizationOf{"a", kLabels, "s", 8080}).filters; };
  policy("deny", Action::deny, true);
  REQUIRE(filters().size() == 1);
  CHECK_FALSE(filters()[0].enforced);
  CHECK(filters()[0].shadowRules.size() == 1);
  policy("allow", Action::allow, true);
  REQUIRE(filters().size() == 2);
  CHECK_FALSE(filters()[1].enforced);
  // It does not switch the old RBAC off.
  world.add<api::ClusterRbacConfig>("", "default", [](auto& o) { o.spec.mode = api::RbacConfigSpec::Mode::on; });
  CHECK(filters().size() == 3);
  policy("allow", Action::allow, false);
  REQUIRE(filters().size() == 2);
  CHECK(filters()[1].enforced);
  // Nobody knows what it was meant to be.
  policy("deny", Action::deny, true, {errorAt("spec.rules[0]")});
  CHECK(filters()[0].enforced);
}
