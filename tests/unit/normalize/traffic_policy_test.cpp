#include <catch2/catch.hpp>

#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using normalize::TrafficPolicyOf;
using Policy = model::TrafficPolicy;
using Mode = Policy::Tls::Mode;
using SpecMode = api::TrafficPolicySpec::Tls::Mode;

namespace {

const std::string kHost = fqdn("x", "svc");

template <class Fill>
void rule(Mesh& mesh, const std::string& ns, const std::string& name, const std::string& host, Fill fill) {
  mesh.add<api::DestinationRule>(ns, name, [&](auto& o) {
    o.spec.host = host;
    fill(o);
  });
}

// A rule that can be told apart by its SNI.
auto marked(const std::string& mark, const std::string& created = {}) {
  return [=](auto& o) {
    o.meta.creationTimestamp = created;
    o.spec.trafficPolicy.tls.emplace();
    o.spec.trafficPolicy.tls->mode = SpecMode::istio_mutual;
    o.spec.trafficPolicy.tls->sni = mark;
  };
}

Mesh withService() {
  Mesh mesh;
  mesh.service("svc", "x", {{"http", 80, ""}});
  return mesh;
}

model::PortTrafficPolicy ask(Mesh& mesh, const std::string& clientNs = "client", std::uint32_t port = 80) {
  return mesh.ask(TrafficPolicyOf{clientNs, kHost, port});
}
std::string mark(Mesh& mesh, const std::string& clientNs = "client") { return ask(mesh, clientNs).policy.tls.sni; }

}  // namespace

TEST_CASE("without a rule the defaults apply") {
  auto mesh = withService();
  const auto policy = ask(mesh);
  CHECK(policy == model::PortTrafficPolicy{});
  CHECK(policy.policy.tls.mode == Mode::automatic);
  CHECK(policy.policy.loadBalancer == Policy::LoadBalancer::least_request);
}

TEST_CASE("the client's namespace comes before the service's, and that before the root namespace") {
  auto mesh = withService();
  rule(mesh, "istio-system", "r", kHost, marked("root"));
  CHECK(mark(mesh) == "root");
  rule(mesh, "svc", "s", "x", marked("service"));
  CHECK(mark(mesh) == "service");
  rule(mesh, "client", "c", kHost, marked("client"));
  CHECK(mark(mesh) == "client");
  CHECK(mark(mesh, "other") == "service");
  // The root namespace as a client is no more than the root level.
  CHECK(mark(mesh, "istio-system") == "service");
  CHECK(ask(mesh).provenance == model::Provenance{"DestinationRule", "client", "c", ""});
}

TEST_CASE("rules of a third namespace do not matter") {
  auto mesh = withService();
  rule(mesh, "third", "t", kHost, marked("third"));
  CHECK(mark(mesh).empty());
}

TEST_CASE("a wider rule of the nearer namespace beats a narrower one further away") {
  auto mesh = withService();
  rule(mesh, "client", "wide", "*.local", marked("wide"));
  rule(mesh, "svc", "exact", "x", marked("exact"));
  CHECK(mark(mesh) == "wide");
}

TEST_CASE("within a namespace the most specific host wins") {
  auto mesh = withService();
  rule(mesh, "client", "a", "*", marked("all"));
  CHECK(mark(mesh) == "all");
  rule(mesh, "client", "b", "*.local", marked("short"));
  CHECK(mark(mesh) == "short");
  rule(mesh, "client", "c", "*.svc.cluster.local", marked("long"));
  CHECK(mark(mesh) == "long");
  rule(mesh, "client", "d", kHost, marked("exact"));
  CHECK(mark(mesh) == "exact");
}

TEST_CASE("a more specific rule without tls does not inherit it from a wider one") {
  auto mesh = withService();
  rule(mesh, "svc", "wide", "*.local", marked("wide"));
  rule(mesh, "svc", "exact", "x", [](auto&) {});
  CHECK(ask(mesh).policy.tls.mode == Mode::automatic);
}

TEST_CASE("exportTo is honoured") {
  auto mesh = withService();
  rule(mesh, "svc", "private", "x", [](auto& o) {
    marked("private")(o);
    o.spec.exportTo = {"."};
  });
  CHECK(mark(mesh).empty());
  CHECK(mark(mesh, "svc") == "private");
  rule(mesh, "istio-system", "some", kHost, [](auto& o) {
    marked("some")(o);
    o.spec.exportTo = {"client"};
  });
  CHECK(mark(mesh) == "some");
  CHECK(mark(mesh, "other").empty());
}

TEST_CASE("rules for one host are merged, oldest first, whatever their names") {
  const auto build = [](const std::string& first, const std::string& second) {
    auto mesh = withService();
    rule(mesh, "svc", first, "x", [](auto& o) {
      marked("old", "2020-01-01T00:00:00Z")(o);
      o.spec.subsets = {{"v1", {{"v", "1"}}, {}}};
    });
    rule(mesh, "svc", second, "x", [](auto& o) {
      marked("new", "2021-01-01T00:00:00Z")(o);
      o.spec.subsets = {{"v1", {{"v", "9"}}, {}}, {"v2", {{"v", "2"}}, {}}};
    });
    return mesh;
  };
  auto mesh = build("a", "b");
  auto renamed = build("b", "a");
  for (auto* each : {&mesh, &renamed}) {
    const auto policy = ask(*each);
    CHECK(policy.policy.tls.sni == "old");
    REQUIRE(policy.subsets.size() == 2);
    CHECK(policy.subsets[0].labels == model::Labels{{"v", "1"}});
    CHECK(policy.subsets[1].name == "v2");
  }
  CHECK(mesh.noted("DestinationRule/svc/b", "subset \"v1\"", Severity::warning));
  CHECK(mesh.noted("DestinationRule/svc/b", "is older and sets the policy", Severity::warning));
}

TEST_CASE("a port's settings replace all four parts") {
  auto mesh = withService();
  rule(mesh, "svc", "r", "x", [](auto& o) {
    marked("top")(o);
    o.spec.trafficPolicy.outlierDetection.emplace();
    o.spec.trafficPolicy.ports[80].connectionPool.emplace().maxConnections = 7;
  });
  const auto policy = ask(mesh);
  CHECK(policy.policy.pool.maxConnections == 7U);
  CHECK(policy.policy.tls.mode == Mode::automatic);
  CHECK_FALSE(policy.policy.outlier);
  CHECK(ask(mesh, "client", 81).policy.tls.sni == "top");
}

TEST_CASE("subsets inherit each part they do not set") {
  auto mesh = withService();
  rule(mesh, "svc", "r", "x", [](auto& o) {
    marked("top")(o);
    o.spec.trafficPolicy.connectionPool.emplace().maxConnections = 1;
    api::DestinationRuleSpec::Subset own{"own", {{"v", "1"}}, {}};
    own.trafficPolicy.connectionPool.emplace().maxConnections = 2;
    api::DestinationRuleSpec::Subset byPort{"port", {{"v", "2"}}, {}};
    byPort.trafficPolicy.ports[80].connectionPool.emplace().maxConnections = 3;
    o.spec.subsets = {own, byPort};
  });
  const auto policy = ask(mesh);
  REQUIRE(policy.subsets.size() == 2);
  CHECK(policy.subsets[0].policy.tls.sni == "top");
  CHECK(policy.subsets[0].policy.pool.maxConnections == 2U);
  CHECK(policy.subsets[1].policy.tls.mode == Mode::automatic);
  CHECK(policy.subsets[1].policy.pool.maxConnections == 3U);
  CHECK(ask(mesh, "client", 81).subsets[1].policy.tls.sni == "top");
}

TEST_CASE("a rule with errors is left out, and does not take the host away") {
  auto mesh = withService();
  rule(mesh, "client", "bad", kHost, [](auto& o) {
    marked("bad")(o);
    o.problems = {errorAt("spec.trafficPolicy.loadBalancer")};
  });
  rule(mesh, "svc", "good", "x", marked("good"));
  CHECK(mark(mesh) == "good");
  CHECK(mesh.noted("DestinationRule/client/bad", "left out"));
}

TEST_CASE("a rule for some clients is theirs alone, and for them comes before one for all") {
  auto mesh = withService();
  const auto some = [](auto& o) {
    marked("some")(o);
    o.spec.workloadSelector = {{"app", "y"}};
  };
  model::Client y("client");
  y.labels = {{"app", "y"}};
  const auto markFor = [&](const model::Client& client) {
    return mesh.ask(TrafficPolicyOf{client, kHost, 80}).policy.tls.sni;
  };
  rule(mesh, "client", "some", kHost, some);
  CHECK(mark(mesh).empty());
  CHECK(markFor(y) == "some");
  rule(mesh, "client", "all", kHost, marked("all", "2020-01-01T00:00:00Z"));
  CHECK(mark(mesh) == "all");
  CHECK(markFor(y) == "some");
  // Of another namespace it is for nobody else.
  rule(mesh, "svc", "theirs", "x", [](auto& o) {
    marked("theirs")(o);
    o.spec.workloadSelector = {{"app", "y"}};
  });
  mesh.remove(api::Kind::destination_rule, "client", "some");
  mesh.remove(api::Kind::destination_rule, "client", "all");
  CHECK(markFor(y).empty());
}

TEST_CASE("near endpoints are preferred where failures are detected, or shares are given") {
  auto mesh = withService();
  using Locality = Policy::LocalityPolicy;
  const auto locality = [&] { return ask(mesh).policy.locality; };
  const auto fill = [&](auto change) { rule(mesh, "svc", "r", "x", [&](auto& o) { change(o.spec.trafficPolicy); }); };
  fill([](auto& p) { p.outlierDetection.emplace(); });
  CHECK(locality() == Locality{});
  fill([](auto& p) { p.loadBalancer.emplace().locality.emplace().failover = {{"a", "b"}}; });
  CHECK(locality() == std::nullopt);
  fill([](auto& p) {
    p.outlierDetection.emplace();
    p.loadBalancer.emplace().locality.emplace().failover = {{"a", "b"}};
  });
  CHECK(locality() == Locality{{}, {{"a", "b"}}, {}});
  fill([](auto& p) {
    p.outlierDetection.emplace();
    p.loadBalancer.emplace().locality.emplace().enabled = false;
  });
  CHECK(locality() == std::nullopt);
  fill([](auto& p) { p.loadBalancer.emplace().locality.emplace().distribute = {{"a", {{"b", 100}}}}; });
  CHECK(locality() == Locality{{{"a", {{"b", 100}}}}, {}, {}});
  fill([](auto& p) {
    p.outlierDetection.emplace();
    p.ports[80].loadBalancer.emplace();
  });
  CHECK(locality() == std::nullopt);  // the port's settings have no failure detection
}

TEST_CASE("ports keep tunnel, PROXY protocol and retry budget, subsets inherit them") {
  auto mesh = withService();
  rule(mesh, "svc", "r", "x", [](auto& o) {
    auto& p = o.spec.trafficPolicy;
    p.tunnel = api::TrafficPolicySpec::Tunnel{true, "a.b", 443};
    p.proxyProtocol = 2;
    p.retryBudget.emplace().percent = 5;
    p.ports[80].tls.emplace();
    o.spec.subsets.emplace_back().name = "v1";
    o.spec.subsets[0].trafficPolicy.proxyProtocol = 1;
    o.spec.subsets[0].trafficPolicy.ports[80].loadBalancer.emplace();
  });
  const auto found = ask(mesh);
  CHECK(found.policy.tunnel == Policy::Tunnel{true, "a.b", 443});
  CHECK(found.policy.proxyProtocol == 2);
  CHECK(found.policy.retryBudget->percent == 5);
  CHECK(found.policy.retryBudget->minRetryConcurrency == 3);
  REQUIRE(found.subsets.size() == 1);
  CHECK(found.subsets[0].policy.proxyProtocol == 1);
  CHECK(found.subsets[0].policy.tunnel == found.policy.tunnel);
}

TEST_CASE("each part is carried over") {
  auto mesh = withService();
  using namespace std::chrono_literals;
  rule(mesh, "svc", "r", "x", [](auto& o) {
    auto& p = o.spec.trafficPolicy;
    p.loadBalancer.emplace().hashCookie = "user";
    p.loadBalancer->hashCookieTtl = 10s;
    p.loadBalancer->ringSize = 1024;
    auto& pool = p.connectionPool.emplace();
    pool.http1MaxPendingRequests = 1;
    pool.http2MaxRequests = 2;
    pool.maxRetries = 3;
    pool.connectTimeout = 4s;
    pool.h2UpgradePolicy = "UPGRADE";
    pool.keepalive.emplace().probes = 5;
    auto& outlier = p.outlierDetection.emplace();
    outlier.consecutive5xxErrors = 6;
    outlier.consecutiveGatewayErrors = 7;
    outlier.interval = 8s;
    auto& tls = p.tls.emplace();
    tls.mode = SpecMode::mutual;
    tls.clientCertificate = "/c";
    tls.privateKey = "/k";
    tls.caCertificates = "/ca";
    tls.subjectAltNames = {"s"};
  });
  const auto policy = ask(mesh).policy;
  CHECK(policy.loadBalancer == Policy::LoadBalancer::ring_hash);
  REQUIRE(policy.hash);
  CHECK(policy.hash->cookie == "user");
  CHECK(policy.hash->cookieTtl == 10s);
  CHECK(policy.hashTableSize == 1024);
  CHECK(policy.pool.maxPendingRequests == 1U);
  CHECK(policy.pool.maxRequests == 2U);
  CHECK(policy.pool.maxRetries == 3U);
  CHECK(policy.pool.connectTimeout == model::Duration(4s));
  CHECK(policy.pool.upgradeToHttp2);
  CHECK(policy.pool.keepalive->probes == 5U);
  CHECK(policy.outlier->consecutive5xx == 6U);
  CHECK(policy.outlier->consecutiveGateway == 7U);
  CHECK(policy.outlier->interval == model::Duration(8s));
  CHECK(policy.tls.mode == Mode::mutual);
  CHECK(policy.tls.clientCertificate == "/c");
  CHECK(policy.tls.subjectAltNames == std::vector<std::string>{"s"});
}

TEST_CASE("load balancers and TLS modes map one to one") {
  using Simple = api::TrafficPolicySpec::LoadBalancer::Simple;
  const std::pair<Simple, Policy::LoadBalancer> balancers[] = {
      {Simple::unspecified, Policy::LoadBalancer::least_request},
      {Simple::least_request, Policy::LoadBalancer::least_request},
      {Simple::round_robin, Policy::LoadBalancer::round_robin},
      {Simple::random, Policy::LoadBalancer::random},
      {Simple::passthrough, Policy::LoadBalancer::passthrough}};
  for (const auto& [simple, expected] : balancers) {
    auto mesh = withService();
    rule(mesh, "svc", "r", "x", [s = simple](auto& o) { o.spec.trafficPolicy.loadBalancer.emplace().simple = s; });
    CHECK(ask(mesh).policy.loadBalancer == expected);
  }
  const std::pair<SpecMode, Mode> modes[] = {{SpecMode::disable, Mode::disable},
                                             {SpecMode::simple, Mode::simple},
                                             {SpecMode::mutual, Mode::mutual},
                                             {SpecMode::istio_mutual, Mode::mesh}};
  for (const auto& [mode, expected] : modes) {
    auto mesh = withService();
    rule(mesh, "svc", "r", "x", [m = mode](auto& o) { o.spec.trafficPolicy.tls.emplace().mode = m; });
    CHECK(ask(mesh).policy.tls.mode == expected);
  }
}
