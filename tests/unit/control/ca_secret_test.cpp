#include "control/ca_secret.h"

#include <catch2/catch.hpp>

#include "api/base64.h"
#include "fake_api_server.h"
#include "unit/identity/plugin_ca.h"

using namespace fairway;
using namespace fairway::control;
using namespace fairway::identity::test;
using fairway::control::test::FakeApiServer;
using fairway::control::test::Json;
using identity::AuthorityOptions;
using identity::CertificateAuthority;

namespace {

const std::string kPath = "/api/v1/namespaces/istio-system/secrets/istio-ca-secret";

struct Replica {
  TemporaryDirectory directory;
  FakeApiServer& server;
  int waits = 0;
  explicit Replica(FakeApiServer& at) : server(at) {}

  Result<std::unique_ptr<CertificateAuthority>> open(identity::Time at = now(), int patience = 0,
                                                     const std::string& trustDomain = "cluster.local") {
    AuthorityOptions options;
    options.stateDir = directory.path("state");
    options.trustDomain = trustDomain;
    return openSharedAuthority({server, "istio-system", [&](std::chrono::milliseconds) { return ++waits <= patience; }},
                               options, at);
  }
  std::string refusal(identity::Time at = now(), const std::string& trustDomain = "cluster.local") {
    const auto authority = open(at, 0, trustDomain);
    REQUIRE_FALSE(authority);
    return authority.error().message;
  }
};

std::string data(const FakeApiServer& server, const std::string& key) {
  return api::decodeBase64(server.get(kPath)["data"][key].get<std::string>()).value();
}

}  // namespace

TEST_CASE("the first replica makes the Secret, the others take its root") {
  FakeApiServer server;
  Replica first(server), second(server);
  const auto a = first.open().value();
  CHECK(data(server, "ca-cert.pem") == a->rootsBundle());
  CHECK(data(server, "ca-key.pem") == read(first.directory.path("state/ca/ca-key.pem")));
  CHECK(server.get(kPath)["type"] == "istio.io/ca-root");
  const auto b = second.open().value();
  CHECK(b->rootsBundle() == a->rootsBundle());
  CHECK(modeOf(second.directory.path("state/ca/ca-key.pem")) == 0600);
  // Both sign what the other verifies.
  const auto key = identity::PrivateKey::generate().value().publicKey().value();
  const auto issued = b->sign(key, {"onap", "msb"}, 1h, now()).value();
  const auto leaf = identity::Certificate::fromPem(issued.chain.front()).value();
  CHECK(identity::verifyChain(leaf, {}, a->roots(), identity::Usage::client, now()));
  // A restart keeps it; a state directory with another root gives way.
  CHECK(first.open().value()->rootsBundle() == a->rootsBundle());
  FakeApiServer elsewhere;
  Replica stranger(elsewhere);
  const auto former = stranger.open().value()->rootsBundle();
  REQUIRE(former != a->rootsBundle());
  elsewhere.put(kPath, server.get(kPath));
  const auto at = now();
  const auto rotating = stranger.open(at).value();  // both are trusted, and the new one signs when all have heard
  CHECK(rotating->rootsBundle() == former + a->rootsBundle());
  REQUIRE(rotating->tick(at + 5min));
  const auto after = rotating->sign(key, {"onap", "msb"}, 1h, at + 5min).value();
  CHECK(identity::verifyChain(identity::Certificate::fromPem(after.chain.front()).value(), {}, a->roots(),
                              identity::Usage::client, at + 5min));
}

TEST_CASE("of replicas that make the Secret at once one wins") {
  FakeApiServer server;
  Replica winner(server), loser(server);
  bool raced = false;
  server.before = [&](const kube::Call& call) -> std::optional<kube::ApiError> {
    if (call.verb == kube::Call::Verb::create && !raced) {
      raced = true;
      REQUIRE(winner.open());
    }
    return std::nullopt;
  };
  const auto lost = loser.open().value();
  CHECK(lost->rootsBundle() == data(server, "ca-cert.pem"));
  CHECK(lost->rootsBundle() == read(winner.directory.path("state/root.pem")));
}

TEST_CASE("a Secret that cannot be used fails the start and stays as it is") {
  FakeApiServer server;
  Replica maker(server);
  REQUIRE(maker.open());
  const Json good = server.get(kPath);
  const auto with = [&](const std::string& key, const std::string& text) {
    Json secret = good;
    secret["data"][key] = api::encodeBase64(text);
    server.put(kPath, secret);
    return server.get(kPath);
  };
  Replica replica(server);
  std::string found;
  Json before = good;
  SECTION("no key") {
    before = with("ca-key.pem", "");
    found = "expected PEM texts in the keys ca-cert.pem and ca-key.pem";
  }
  SECTION("garbage") {
    before = with("ca-cert.pem", "garbage");
    found = "ca-cert.pem: ";
  }
  SECTION("another key") {
    before = with("ca-key.pem", identity::PrivateKey::generate().value().toPem().value());
    found = "ca-key.pem is not the key of ca-cert.pem";
  }
  const auto refusal = replica.refusal();
  CAPTURE(refusal);
  CHECK(refusal.find("Secret istio-system/istio-ca-secret: ") == 0);
  CHECK(refusal.find(found) != std::string::npos);
  CHECK(server.get(kPath) == (found.empty() ? server.get(kPath) : before));
  CHECK_FALSE(std::filesystem::exists(replica.directory.path("state/ca/ca-key.pem")));
}

TEST_CASE("an expired root and one of another trust domain are refused") {
  FakeApiServer server;
  Replica maker(server), replica(server);
  REQUIRE(maker.open());
  const auto expired = replica.refusal(now() + 24h * 3651);
  CHECK(expired.find("ca-cert.pem has expired") != std::string::npos);
  CHECK(expired.find("it is not replaced") != std::string::npos);
  const auto foreign = replica.refusal(now(), "other.example");
  CHECK(foreign.find("Secret istio-system/istio-ca-secret") != std::string::npos);
  CHECK(foreign.find("spiffe://other.example") != std::string::npos);
}

TEST_CASE("an API server that is away is waited for, one that forbids is not") {
  FakeApiServer server;
  int away = 3;
  server.before = [&](const kube::Call&) -> std::optional<kube::ApiError> {
    if (away-- <= 0) return std::nullopt;
    return kube::ApiError{kube::ApiError::Kind::unreachable, 0, "connection refused"};
  };
  Replica replica(server);
  CHECK(replica.open(now(), 100));
  CHECK(replica.waits == 3);
  away = 3;
  CHECK_FALSE(replica.open(now(), 0));  // told to stop meanwhile
  server.before = [&](const kube::Call&) -> std::optional<kube::ApiError> {
    return kube::ApiError{kube::ApiError::Kind::forbidden, 403, "RBAC forbids it"};
  };
  Replica other(server);
  CHECK(other.refusal() == "RBAC forbids it");
  CHECK(other.waits == 0);
}

TEST_CASE("a namespace that is missing is said so") {
  FakeApiServer server;
  server.before = [&](const kube::Call& call) -> std::optional<kube::ApiError> {
    if (call.verb != kube::Call::Verb::create) return std::nullopt;
    return kube::ApiError{kube::ApiError::Kind::not_found, 404, "namespaces \"istio-system\" not found"};
  };
  Replica replica(server);
  CHECK(replica.refusal().find("create the namespace istio-system") != std::string::npos);
}

TEST_CASE("a Secret that changes is taken up while the control plane runs, a broken one is not") {
  FakeApiServer server;
  Replica replica(server);
  const auto authority = replica.open().value();
  CaSecretWatch watch(server, "istio-system",
                      [&](const identity::CaFiles& files) { return authority->offer(files, now()); });
  watch.start();
  const auto former = authority->rootsBundle();
  const Json good = server.get(kPath);
  Json broken = good;
  broken["data"]["ca-cert.pem"] = api::encodeBase64("other");
  server.put(kPath, broken);
  CHECK(server.waitUntil([&] { return !watch.current(); }));
  CHECK(authority->rootsBundle() == former);
  server.put(kPath, good);
  CHECK(server.waitUntil([&] { return watch.current(); }));
  server.erase(kPath);
  CHECK(server.waitUntil([&] { return !watch.current(); }));
  CHECK(authority->rootsBundle() == former);
  server.put(kPath, good);
  CHECK(server.waitUntil([&] { return watch.current(); }));

  // Another root, as `fairway ca rotate` makes it, and then a plug-in CA, which comes first.
  const auto next = identity::makeRoot("cluster.local", 24h, caFilesOf(good), now()).value();
  server.put(kPath, Json::parse(caSecretJson("istio-system", kCaSecret, next)));
  CHECK(server.waitUntil([&] { return authority->roots().size() == 2; }));
  const auto plugin = makePluginCa(now());
  const auto path = "/api/v1/namespaces/istio-system/secrets/cacerts";
  server.put(path, Json::parse(caSecretJson("istio-system", kPluginCaSecret, plugin.files())));
  CHECK(server.waitUntil([&] { return authority->state().pending == "CN=intermediate a"; }));
  // It goes: what is in use stays.
  server.erase(path);
  CHECK(server.waitUntil([&] { return !watch.current(); }));
  CHECK(authority->state().pending == "CN=intermediate a");
}

TEST_CASE("a plug-in CA is preferred, in both forms, and told of if it is broken") {
  FakeApiServer server;
  Replica replica(server);
  const auto plugin = makePluginCa(now());
  const auto path = "/api/v1/namespaces/istio-system/secrets/cacerts";
  SECTION("Istio's") { server.put(path, Json::parse(caSecretJson("istio-system", kPluginCaSecret, plugin.files()))); }
  SECTION("a TLS secret") {
    const identity::CaFiles files{{"tls.crt", plugin.intermediate.toPem()},
                                  {"tls.key", plugin.key.toPem().value()},
                                  {"ca.crt", plugin.root.toPem()}};
    server.put(path, Json::parse(caSecretJson("istio-system", kPluginCaSecret, files)));
  }
  const auto authority = replica.open().value();
  CHECK(authority->rootsBundle() == plugin.root.toPem());
  CHECK(authority->state().issuer == "CN=intermediate a");
  CHECK_FALSE(server.get(kPath).is_object());  // no root of our own is made
  auto files = plugin.files();
  files.erase("root-cert.pem");
  files["cert-chain.pem"] = plugin.intermediate.toPem();
  server.put(path, Json::parse(caSecretJson("istio-system", kPluginCaSecret, files)));
  Replica other(server);
  const auto refusal = other.refusal();
  CHECK(refusal.find("Secret istio-system/cacerts: root-cert.pem is missing") == 0);
}

TEST_CASE("the root of the last start suffices while the API server is away, if that is wanted and there is one") {
  FakeApiServer server;
  Replica replica(server);
  const auto root = replica.open().value()->rootsBundle();
  const auto open = [&](Replica& of, bool ownRootSuffices) {
    AuthorityOptions options;
    options.stateDir = of.directory.path("state");
    const auto wait = [&](std::chrono::milliseconds) { return ++of.waits <= 0; };
    return openSharedAuthority({server, "istio-system", wait, ownRootSuffices}, options, now());
  };
  server.before = [](const kube::Call&) -> std::optional<kube::ApiError> {
    return kube::ApiError{kube::ApiError::Kind::unreachable, 0, "away"};
  };
  CHECK(open(replica, true).value()->rootsBundle() == root);
  CHECK(replica.waits == 0);
  CHECK_FALSE(open(replica, false));
  Replica blank(server);
  CHECK_FALSE(open(blank, true));
  CHECK(blank.waits == 1);
  // An answer, even a bad one, counts: the root is not taken behind the API server's back.
  server.before = [](const kube::Call&) -> std::optional<kube::ApiError> {
    return kube::ApiError{kube::ApiError::Kind::forbidden, 403, "forbidden"};
  };
  CHECK_FALSE(open(replica, true));
}
