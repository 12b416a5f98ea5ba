#include <catch2/catch.hpp>

#include "api/mesh_config.h"
#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using model::MtlsMode;
using normalize::PeerAuthenticationOf;
using Mode = api::PeerAuthenticationSpec::Mode;
using Target = api::AuthenticationPolicySpec::Target;

namespace {

const api::Labels kLabels{{"app", "x"}};
enum class Peer { none, strict, permissive };

// An old Policy; a target is "service" or "service:port".
struct Old {
  Peer peer = Peer::strict;
  std::vector<Target> targets = {};
  std::string created = {};
  api::Problems problems = {};
};

void fill(api::AuthenticationPolicySpec& spec, Peer peer) {
  if (peer == Peer::none) return;
  spec.peers.emplace_back().mtls.emplace().permissive = peer == Peer::permissive;
}
void policy(Mesh& mesh, const std::string& name, Old old) {
  mesh.add<api::Policy>("a", name, [&](auto& o) {
    o.meta.creationTimestamp = old.created;
    o.problems = old.problems;
    o.spec.targets = old.targets;
    fill(o.spec, old.peer);
  });
}
void meshPolicy(Mesh& mesh, Peer peer, const std::string& name = "default") {
  mesh.add<api::MeshPolicy>("", name, [&](auto& o) { fill(o.spec, peer); });
}
void peerAuthentication(Mesh& mesh, const std::string& ns, const std::string& name, Mode mode,
                        api::Labels selector = {}, std::map<std::uint32_t, Mode> ports = {},
                        const std::string& created = {}, api::Problems problems = {}) {
  mesh.add<api::PeerAuthentication>(ns, name, [&](auto& o) {
    o.meta.creationTimestamp = created;
    o.problems = problems;
    o.spec.selector = selector;
    o.spec.mode = mode;
    o.spec.ports = ports;
  });
}

Target on(const std::string& service) { return {service, {}, {}}; }
Target on(const std::string& service, std::uint32_t port) { return {service, {}, {{port, ""}}}; }
Target on(const std::string& service, const std::string& port) { return {service, {}, {{0, port}}}; }

// x: 80 -> 8080 (http), 81 -> 8081 (tcp).
Mesh withService() {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "8080"}, {"tcp", 81, "8081"}}, kLabels);
  return mesh;
}
void annotate(Mesh& mesh, const std::string& service, const std::string& name, const std::string& value,
              const std::string& created = {}) {
  auto copy = std::make_shared<api::Service>(*mesh.get<api::Service>("a", service));
  copy->meta.creationTimestamp = created;
  copy->meta.annotations[name] = value;
  mesh.put(std::move(copy));
}
model::PeerAuthentication ask(Mesh& mesh, const std::string& ns = "a") {
  return mesh.ask(PeerAuthenticationOf{ns, kLabels});
}
MtlsMode mode(Mesh& mesh, std::uint32_t port) { return ask(mesh).modeOf(port); }

}  // namespace

TEST_CASE("without any policy both plaintext and mutual TLS are taken") {
  auto mesh = withService();
  CHECK(ask(mesh) == model::PeerAuthentication{});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
}

TEST_CASE("old policies: service before namespace before mesh, whole") {
  auto mesh = withService();
  meshPolicy(mesh, Peer::strict);
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mode(mesh, 9999) == MtlsMode::strict);
  policy(mesh, "default", {Peer::permissive});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  policy(mesh, "one", {Peer::strict, {on("x")}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mode(mesh, 8081) == MtlsMode::strict);
  CHECK(mode(mesh, 9999) == MtlsMode::permissive);
  CHECK(ask(mesh).provenance ==
        std::vector<model::Provenance>{{"Policy", "a", "default", ""}, {"Policy", "a", "one", ""}});
}

TEST_CASE("an old policy with targets and no peers switches mTLS off there") {
  auto mesh = withService();
  meshPolicy(mesh, Peer::strict);
  policy(mesh, "off", {Peer::none, {on("x", 80)}});
  CHECK(mode(mesh, 8080) == MtlsMode::disable);
  CHECK(mode(mesh, 8081) == MtlsMode::strict);
  policy(mesh, "default", {Peer::none});
  CHECK(mode(mesh, 8081) == MtlsMode::disable);
}

TEST_CASE("without a policy a Service's annotation speaks for its port, and the mesh's authPolicy for the others") {
  const auto annotated = [](const std::string& value) {
    auto mesh = withService();
    annotate(mesh, "x", "auth.istio.io/80", value);
    return mesh;
  };
  auto strict = annotated("MUTUAL_TLS");
  CHECK(mode(strict, 8080) == MtlsMode::strict);
  CHECK(mode(strict, 8081) == MtlsMode::permissive);
  CHECK(ask(strict).provenance.size() == 1);

  auto plain = annotated("NONE");
  plain.add<api::ConfigMap>("istio-system", "istio", [](auto& o) {
    o.spec.mesh.emplace().authPolicy = api::MeshConfigSpec::AuthPolicy::mutual_tls;
  });
  CHECK(mode(plain, 8080) == MtlsMode::disable);
  CHECK(mode(plain, 8081) == MtlsMode::strict);
  CHECK(ask(plain).mode == MtlsMode::strict);

  auto wrong = annotated("mutual");
  CHECK(mode(wrong, 8080) == MtlsMode::strict);
  CHECK(wrong.noted("Service/a/x", "found \"mutual\", expected NONE or MUTUAL_TLS"));

  auto overridden = annotated("NONE");
  meshPolicy(overridden, Peer::permissive);
  CHECK(mode(overridden, 8080) == MtlsMode::permissive);
}

TEST_CASE("of annotations for one workload port that of the oldest service counts") {
  auto mesh = withService();
  mesh.service("a", "y", {{"http", 90, "8080"}}, kLabels);
  annotate(mesh, "x", "auth.istio.io/80", "MUTUAL_TLS", "2018-06-02T00:00:00Z");
  annotate(mesh, "y", "auth.istio.io/90", "NONE", "2018-06-01T00:00:00Z");
  CHECK(mode(mesh, 8080) == MtlsMode::disable);
  CHECK(mesh.noted("Service/a/x", "Service/a/y applies to it through another service", Severity::warning));
}

TEST_CASE("target ports are service ports, by number or name, and become workload ports") {
  auto mesh = withService();
  policy(mesh, "one", {Peer::strict, {on("x", "http")}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mode(mesh, 8081) == MtlsMode::permissive);
  policy(mesh, "one", {Peer::strict, {on("x", 81)}});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  CHECK(mode(mesh, 8081) == MtlsMode::strict);
  policy(mesh, "one", {Peer::strict, {on("x", 8080)}});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  policy(mesh, "one", {Peer::strict, {on("y")}});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
}

TEST_CASE("named target ports are resolved through the pods") {
  Mesh mesh;
  mesh.service("a", "x", {{"http", 80, "web"}}, kLabels);
  mesh.pod("a", "p", kLabels);
  policy(mesh, "one", {Peer::strict, {on("x", 80)}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mode(mesh, 80) == MtlsMode::permissive);
}

TEST_CASE("of two old policies for a port the oldest counts, also a portless one, whatever their names") {
  for (const bool swapped : {false, true}) {
    auto mesh = withService();
    policy(mesh, swapped ? "z" : "a", {Peer::strict, {on("x")}, "2020-01-01T00:00:00Z"});
    policy(mesh, swapped ? "a" : "z", {Peer::none, {on("x", 80)}, "2021-01-01T00:00:00Z"});
    CHECK(mode(mesh, 8080) == MtlsMode::strict);
    CHECK(mesh.noted(swapped ? "Policy/a/a" : "Policy/a/z", "is older and targets it too", Severity::warning));
  }
}

TEST_CASE("several services on one workload port: the narrowest policy counts") {
  auto mesh = withService();
  mesh.service("a", "y", {{"http", 90, "8080"}}, kLabels);
  policy(mesh, "default", {Peer::none});
  policy(mesh, "one", {Peer::strict, {on("y")}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  policy(mesh, "two", {Peer::permissive, {on("x")}, "2021-01-01T00:00:00Z"});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mesh.noted("Policy/a/two", "through another service", Severity::warning));
}

TEST_CASE("names matter: only `default` is for a namespace or the mesh") {
  auto mesh = withService();
  meshPolicy(mesh, Peer::strict, "other");
  policy(mesh, "nameless", {Peer::strict});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  CHECK(mesh.noted("Policy/a/nameless", "must be named \"default\""));
}

TEST_CASE("peers: the first mtls counts, other methods are refused") {
  auto mesh = withService();
  const auto with = [&](std::vector<api::AuthenticationPolicySpec::Peer> peers) {
    mesh.add<api::Policy>("a", "default", [&](auto& o) { o.spec.peers = std::move(peers); });
  };
  using P = api::AuthenticationPolicySpec::Peer;
  using M = api::AuthenticationPolicySpec::Mtls;
  with({P{M{false, true}, false}, P{M{false, false}, false}});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  with({P{M{true, false}, false}});  // allowTls has had no effect on TLS since 1.1
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  with({P{std::nullopt, true}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mesh.noted("Policy/a/default", "never available"));
  with({P{}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mesh.noted("Policy/a/default", "has no method"));
}

TEST_CASE("an old policy with errors means STRICT for its target") {
  auto mesh = withService();
  policy(mesh, "bad", {Peer::none, {on("x", 80)}, "", {errorAt("spec.peers[0].mtls.mode")}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mode(mesh, 8081) == MtlsMode::permissive);
  CHECK(mesh.noted("Policy/a/bad", "takes mutual TLS only"));
  SECTION("an unreadable port may have meant any") {
    policy(mesh, "bad", {Peer::none, {on("x", "")}, "", {errorAt("spec.targets[0].ports[0]")}});
    CHECK(mode(mesh, 8080) == MtlsMode::strict);
    CHECK(mode(mesh, 8081) == MtlsMode::strict);
  }
  SECTION("the whole namespace, where that is the target") {
    policy(mesh, "default", {Peer::permissive, {}, "", {errorAt("spec.unknown")}});
    CHECK(mode(mesh, 8081) == MtlsMode::strict);
  }
}

TEST_CASE("PeerAuthentication: workload before namespace before mesh, unset inherits") {
  auto mesh = withService();
  peerAuthentication(mesh, "istio-system", "default", Mode::strict);
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  peerAuthentication(mesh, "a", "ns", Mode::unset);
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  peerAuthentication(mesh, "a", "ns", Mode::disable);
  CHECK(mode(mesh, 8080) == MtlsMode::disable);
  peerAuthentication(mesh, "a", "workload", Mode::unset, kLabels);
  CHECK(mode(mesh, 8080) == MtlsMode::disable);
  peerAuthentication(mesh, "a", "workload", Mode::permissive, kLabels);
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  peerAuthentication(mesh, "a", "other", Mode::strict, {{"app", "y"}});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  // A selector in the root namespace is for pods of that namespace.
  peerAuthentication(mesh, "istio-system", "selected", Mode::disable, kLabels);
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  CHECK(ask(mesh, "istio-system").mode == MtlsMode::disable);
  CHECK(ask(mesh, "b").mode == MtlsMode::strict);
}

TEST_CASE("portLevelMtls is by workload port, needs a selector, and unset means the policy's mode") {
  auto mesh = withService();
  peerAuthentication(mesh, "a", "w", Mode::strict, kLabels,
                     {{8080, Mode::disable}, {8081, Mode::unset}, {8082, Mode::strict}});
  CHECK(ask(mesh).ports == std::map<std::uint32_t, MtlsMode>{{8080, MtlsMode::disable}});
  peerAuthentication(mesh, "a", "w", Mode::strict, {}, {{8080, Mode::disable}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mesh.noted("PeerAuthentication/a/w", "no effect without spec.selector", Severity::warning));
}

TEST_CASE("of two PeerAuthentications on a level the oldest counts, whatever their names") {
  for (const api::Labels& selector : {api::Labels{}, kLabels}) {
    for (const bool swapped : {false, true}) {
      auto mesh = withService();
      peerAuthentication(mesh, "a", swapped ? "z" : "a", Mode::strict, selector, {}, "2020-01-01T00:00:00Z");
      peerAuthentication(mesh, "a", swapped ? "a" : "z", Mode::disable, selector, {}, "2021-01-01T00:00:00Z");
      CHECK(mode(mesh, 8080) == MtlsMode::strict);
      CHECK(mesh.noted(swapped ? "PeerAuthentication/a/a" : "PeerAuthentication/a/z", "is older", Severity::warning));
    }
  }
}

TEST_CASE("a PeerAuthentication at any level replaces the old peers") {
  auto mesh = withService();
  policy(mesh, "one", {Peer::strict, {on("x")}});
  peerAuthentication(mesh, "istio-system", "default", Mode::permissive);
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  peerAuthentication(mesh, "istio-system", "default", Mode::permissive, {{"app", "gateway"}});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
}

TEST_CASE("a PeerAuthentication with errors is STRICT for its workloads, and for no others") {
  auto mesh = withService();
  peerAuthentication(mesh, "a", "bad", Mode::disable, kLabels, {{8080, Mode::disable}}, "",
                     {errorAt("spec.mtls.mode")});
  CHECK(mode(mesh, 8080) == MtlsMode::strict);
  CHECK(mesh.ask(PeerAuthenticationOf{"a", {{"app", "y"}}}).mode == MtlsMode::permissive);
  // Its selector cannot be read: it stays within its namespace, also where that is the root namespace.
  peerAuthentication(mesh, "a", "bad", Mode::permissive);
  peerAuthentication(mesh, "istio-system", "bad", Mode::disable, {}, {}, "", {errorAt("spec.selector.matchLabels")});
  CHECK(mode(mesh, 8080) == MtlsMode::permissive);
  CHECK(ask(mesh, "istio-system").mode == MtlsMode::strict);
}
