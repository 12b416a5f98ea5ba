#include "api/rate_limit.h"
#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using normalize::RateLimitsOf;
using normalize::ServiceRateLimits;
using Spec = api::RateLimitSpec;
using Type = model::RateLimit::Descriptor::Type;
using Unit = model::RateLimit::Unit;

namespace {

const api::Labels kLabels{{"app", "x"}};

struct World : Mesh {
  // One rule, local, unless `fill` says otherwise.
  template <class Fill>
  void limit(const std::string& ns, const std::string& name, Fill fill) {
    add<api::RateLimit>(ns, name, [&](auto& o) {
      o.spec.local.emplace();
      o.spec.rules.emplace_back().limit = {10, Spec::Limit::Unit::hour, {}};
      fill(o);
    });
  }
  void limit(const std::string& ns, const std::string& name, const api::Labels& selector = {}) {
    limit(ns, name, [&](auto& o) { o.spec.selector = selector; });
  }
  std::vector<model::RateLimit> of(bool gateway = false) { return ask(RateLimitsOf{"a", kLabels, gateway}); }
  std::vector<std::string> names(bool gateway = false) {
    std::vector<std::string> result;
    for (const auto& each : of(gateway)) result.push_back(each.id());
    return result;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("limits of the mesh come first, then the namespace's and the workload's") {
  World world;
  CHECK(world.names().empty());
  world.limit("a", "workload", kLabels);
  world.limit("a", "all");
  world.limit("a", "other", {{"app", "y"}});
  world.limit("b", "elsewhere");
  world.limit("istio-system", "mesh");
  CHECK(world.names() == Names{"istio-system/mesh", "a/all", "a/workload"});
}

TEST_CASE("a limit counts at sidecars or at gateways") {
  World world;
  world.limit("a", "sidecars");
  world.limit("a", "gateways", [](auto& o) { o.spec.context = Spec::Context::gateway; });
  CHECK(world.names() == Names{"a/sidecars"});
  CHECK(world.names(true) == Names{"a/gateways"});
}

TEST_CASE("a rule as it is counted") {
  World world;
  world.limit("a", "p", [](auto& o) {
    auto& rule = o.spec.rules[0];
    rule.match = {{api::StringMatch{api::StringMatch::Type::prefix, "/api"}, {}, {{"X-Tier", {}}}}};
    rule.descriptors = {{Spec::Descriptor::Type::header, "X-User", ""},
                        {Spec::Descriptor::Type::claim, "realm.id", "7"}};
    o.spec.rules.emplace_back() = {"named", {}, {}, {5, Spec::Limit::Unit::day, 3}};
    o.spec.response = {503, {{"X-Why", "busy"}}, true};
    o.spec.shadow = true;
  });
  const auto limits = world.of();
  REQUIRE(limits.size() == 1);
  const auto& limit = limits[0];
  CHECK(limit.maxCounters == 1000);
  CHECK(limit.status == 503);
  CHECK(limit.responseHeaders == std::vector<std::pair<std::string, std::string>>{{"x-why", "busy"}});
  CHECK(limit.quotaHeaders);
  CHECK_FALSE(limit.enforced);
  CHECK_FALSE(limit.service);
  CHECK(limit.provenance == model::Provenance{"RateLimit", "a", "p", ""});
  REQUIRE(limit.rules.size() == 2);
  const auto& rule = limit.rules[0];
  CHECK(rule.name == "rules[0]");
  REQUIRE(rule.match.size() == 1);
  CHECK(rule.match[0].path == model::StringMatcher{model::StringMatcher::Type::prefix, "/api", false});
  CHECK(rule.match[0].headers.at(0).name == "x-tier");
  CHECK(rule.descriptors == std::vector<model::RateLimit::Descriptor>{{Type::header, "x-user", {}, ""},
                                                                      {Type::claim, "", {"realm", "id"}, "7"}});
  CHECK(rule.requests == 10);
  CHECK(rule.unit == Unit::hour);
  CHECK(rule.burst == 10);
  CHECK(limit.rules[1] == model::RateLimit::Rule{"named", {}, {}, 5, Unit::day, 3});
}

TEST_CASE("a rule with a mistake is left out, the others count") {
  World world;
  world.limit("a", "p", [](auto& o) {
    o.spec.rules.emplace_back() = {"good", {}, {}, {5, Spec::Limit::Unit::day, {}}};
    o.problems = {errorAt("spec.rules[0].limit.unit")};
  });
  const auto limits = world.of();
  REQUIRE(limits.size() == 1);
  REQUIRE(limits[0].rules.size() == 1);
  CHECK(limits[0].rules[0].name == "good");
  CHECK(world.noted("RateLimit/a/p rules[0]", "left out", Severity::error));
}

TEST_CASE("an object with a mistake elsewhere limits nothing, nobody else's is hurt") {
  for (const auto* field : {"spec.selector", "spec.local", "spec.rules", "spec.rules[1]", ""}) {
    World world;
    world.limit("a", "bad", [&](auto& o) { o.problems = {errorAt(field)}; });
    world.limit("a", "good");
    CHECK(world.names() == Names{"a/good"});
    CHECK(world.noted("RateLimit/a/bad", "limits nothing", Severity::error));
  }
  World world;
  world.limit("a", "empty", [](auto& o) { o.problems = {errorAt("spec.rules[0].limit")}; });
  CHECK(world.names().empty());
}

TEST_CASE("the service that counts for all: where it is, and that it is not there") {
  World world;
  const auto global = [](bool closed) {
    return [closed](auto& o) {
      o.spec.local.reset();
      o.spec.global = Spec::Global{std::nullopt, closed};
    };
  };
  world.limit("a", "p", global(false));
  auto limits = world.of();
  REQUIRE(limits.size() == 1);
  REQUIRE(limits[0].service);
  CHECK(*limits[0].service == model::RateLimit::Service{"ratelimit.istio-system.svc.cluster.local", 8081,
                                                        std::chrono::milliseconds(100), false});
  CHECK(world.noted("RateLimit/a/p", "requests pass uncounted", Severity::warning));
  world.limit("a", "p", global(true));
  CHECK(world.of().at(0).service->failClosed);
  CHECK(world.noted("RateLimit/a/p", "requests are refused", Severity::warning));

  world.service("istio-system", "ratelimit", {{"grpc", 8081, "8081"}});
  world.of();
  CHECK_FALSE(world.noted("RateLimit/a/p", "there is no rate limit service", Severity::warning));

  world.limit("a", "local");
  world.limit("b", "q", global(false));
  std::vector<std::string> served;
  for (const auto& each : world.ask(ServiceRateLimits{})) served.push_back(each.id());
  CHECK(served == Names{"a/p", "b/q"});
}

TEST_CASE("questions to the service that counts are not counted by it") {
  World world;
  world.service("istio-system", "ratelimit", {{"grpc", 8081, "8081"}});
  world.limit("istio-system", "global", [](auto& o) {
    o.spec.local.reset();
    o.spec.global.emplace();
  });
  world.limit("istio-system", "local");
  const auto names = [&](const std::string& ns, const api::Labels& labels) {
    Names result;
    for (const auto& each : world.ask(RateLimitsOf{ns, labels, false})) result.push_back(each.id());
    return result;
  };
  CHECK(names("istio-system", {{"app", "ratelimit"}}) == Names{"istio-system/local"});
  CHECK(names("istio-system", {{"app", "other"}}) == Names{"istio-system/global", "istio-system/local"});
  CHECK(names("a", {{"app", "ratelimit"}}) == Names{"istio-system/global", "istio-system/local"});
}

TEST_CASE("a rate limit's target references are those of policies") {
  World world;
  world.service("a", "x", {{"http", 80, "8080"}}, kLabels);
  world.limit("a", "p", [](auto& o) { o.spec.targetRefs = {{"", "Service", "x"}}; });
  CHECK(world.names() == Names{"a/p"});
  world.limit("a", "p", [](auto& o) {
    o.spec.targetRefs = {{"gateway.networking.k8s.io", "Gateway", "g"}};
    o.spec.context = Spec::Context::gateway;
  });
  CHECK(world.names().empty());
  CHECK(world.ask(RateLimitsOf{"a", {{"gateway.networking.k8s.io/gateway-name", "g"}}, true}).size() == 1);
}
