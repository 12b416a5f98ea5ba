#include "agent/certificate_manager.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;
using fairway::identity::Certificate;
using fairway::identity::Issuer;
using fairway::identity::PrivateKey;
using fairway::identity::SpiffeId;
using fairway::identity::Time;
using Kind = CertificateFailure::Kind;

namespace {

const SpiffeId kPortal{"cluster.local", {"onap", "portal"}};

// A control plane in the test's hands.
class FakeClient final : public CertificateClient {
 public:
  explicit FakeClient(Time start) : issuer(identity::test::makeIssuer(start - 1h)), at(start) {}

  tl::expected<CertificateReply, CertificateFailure> request(const CertificateWish& wish) override {
    wishes.push_back(wish);
    if (failure && (!wish.certificate || !failTokensOnly)) return tl::unexpected(*failure);
    const auto& signer = forged ? *forged : issuer;
    const auto key = forgedKey ? forgedKey->publicKey().value() : identity::parseCsr(wish.csr).value();
    const auto leaf = identity::issueWorkload(signer, key, id, 24h, at).value();
    return CertificateReply{{leaf.toPem()}, issuer.certificate.toPem()};
  }
  void cancel() override { cancelled = true; }

  Issuer issuer;
  Time at;
  SpiffeId id = kPortal;
  std::optional<Issuer> forged;
  std::optional<PrivateKey> forgedKey;
  std::optional<CertificateFailure> failure;
  bool failTokensOnly = false;
  std::vector<CertificateWish> wishes;
  std::atomic<bool> cancelled{false};
};

struct Fixture {
  Fixture() {
    options.id = kPortal;
    options.tokenFile = directory.path("token");
    writeToken(start + 1h);
  }
  void writeToken(Time expiry, Time issued = {}) {
    // {"iat":...,"exp":...} in base64url.
    const auto seconds = [](Time time) { return std::to_string(std::chrono::system_clock::to_time_t(time)); };
    const auto payload = run("printf '{\"iat\":%d,\"exp\":%d}' " + seconds(issued) + " " + seconds(expiry) +
                             " | openssl base64 -A | tr '+/' '-_' | tr -d '='")
                             .output;
    write(options.tokenFile, "e30." + payload + ".c2ln\n");
  }
  CertificateManager manager() {
    return {options, client, [this](const Secrets& secrets) { published.push_back(secrets); },
            [this] { return random; }};
  }

  Time start = now();
  TemporaryDirectory directory;
  FakeClient client{start};
  CertificateManagerOptions options;
  std::vector<Secrets> published;
  double random = 0.5;
};

}  // namespace

TEST_CASE("a certificate is got by token and published with its key") {
  Fixture fixture;
  fixture.options.validity = 1h;
  auto manager = fixture.manager();
  manager.step(fixture.start);
  REQUIRE(fixture.published.size() == 1);
  const auto& secrets = fixture.published[0];
  const auto leaf = Certificate::fromPem(secrets.certificateChain).value();
  CHECK(leaf.matches(PrivateKey::fromPem(secrets.privateKey).value()));
  CHECK(secrets.roots == fixture.client.issuer.certificate.toPem());
  CHECK(secrets.notAfter == leaf.notAfter());
  REQUIRE(fixture.client.wishes.size() == 1);
  CHECK(fixture.client.wishes[0].token);
  CHECK_FALSE(fixture.client.wishes[0].certificate);
  CHECK(fixture.client.wishes[0].validity == 1h);
  CHECK(manager.status().issued == 1);
  CHECK(manager.status().notAfter == leaf.notAfter());
}

TEST_CASE("a certificate is renewed around half its life, with a new key") {
  Fixture fixture;
  auto manager = fixture.manager();
  CHECK(manager.step(fixture.start) == fixture.start + 12h);
  fixture.random = 0;
  CHECK(manager.step(fixture.start) - fixture.start == std::chrono::duration_cast<Time::duration>(24h * 0.4));
  fixture.random = 0.999;
  const auto latest = manager.step(fixture.start) - fixture.start;
  CHECK(latest < 24h * 0.6);
  CHECK(latest > 24h * 0.59);
  REQUIRE(fixture.published.size() == 3);
  CHECK(fixture.published[0].privateKey != fixture.published[1].privateKey);
  CHECK(fixture.published[1].privateKey != fixture.published[2].privateKey);
}

TEST_CASE("failures are retried with growing pauses, and the last certificate stays") {
  Fixture fixture;
  auto manager = fixture.manager();
  manager.step(fixture.start);
  fixture.client.failure = CertificateFailure{Kind::other, "away"};
  fixture.random = 1;
  std::vector<std::int64_t> pauses;
  for (int i = 0; i < 10; ++i) {
    pauses.push_back(
        std::chrono::duration_cast<std::chrono::milliseconds>(manager.step(fixture.start) - fixture.start).count());
  }
  CHECK(pauses == std::vector<std::int64_t>{500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000});
  CHECK(fixture.published.size() == 1);
  CHECK(manager.status().failures == 10);
  CHECK(manager.status().problem == "away");
  fixture.random = 0;
  CHECK(manager.step(fixture.start) == fixture.start + 30s);  // half, at the least
  fixture.client.failure.reset();
  manager.step(fixture.start);
  CHECK(fixture.published.size() == 2);
  CHECK(manager.status().problem.empty());
  fixture.client.failure = CertificateFailure{Kind::other, "away"};
  CHECK(manager.step(fixture.start) == fixture.start + 250ms);  // from the beginning again
}

TEST_CASE("without any certificate it is asked for again soon") {
  Fixture fixture;
  auto manager = fixture.manager();
  fixture.client.failure = CertificateFailure{Kind::other, "away"};
  fixture.random = 1;
  for (int i = 0; i < 20; ++i) CHECK(manager.step(fixture.start) <= fixture.start + 10s);
}

TEST_CASE("a token from the future tells of a slow clock") {
  Fixture fixture;
  auto manager = fixture.manager();
  fixture.client.failure = CertificateFailure{Kind::other, "handshake failed"};
  // {"iat":...,"exp":...}: made two minutes from now, by the API server's clock.
  fixture.writeToken(fixture.start + 1h, fixture.start + 2min);
  manager.step(fixture.start);
  CHECK(manager.status().problem.find("handshake failed: this machine's clock is at least") == 0);
  fixture.writeToken(fixture.start + 1h, fixture.start - 2min);
  manager.step(fixture.start);
  CHECK(manager.status().problem == "handshake failed");
}

TEST_CASE("a valid certificate stands in for a token") {
  Fixture fixture;
  auto manager = fixture.manager();
  manager.step(fixture.start);
  const auto later = fixture.start + 12h;
  fixture.client.at = later;
  const auto usedCertificate = [&] {
    manager.step(later);
    REQUIRE(fixture.published.size() == 2);
    const auto& wish = fixture.client.wishes.back();
    CHECK_FALSE(wish.token);
    REQUIRE(wish.certificate);
    CHECK(wish.certificate->certificateChain == fixture.published[0].certificateChain);
    CHECK(wish.certificate->privateKey == fixture.published[0].privateKey);
  };
  SECTION("that has expired") {
    usedCertificate();  // the token file says so itself: it is not even sent
    CHECK(fixture.client.wishes.size() == 2);
  }
  SECTION("that is missing") {
    std::filesystem::remove(fixture.options.tokenFile);
    usedCertificate();
  }
  SECTION("that is empty") {
    write(fixture.options.tokenFile, "\n");
    usedCertificate();
  }
  SECTION("that is refused") {
    fixture.writeToken(later + 1h);
    fixture.client.failure = CertificateFailure{Kind::credentials, "revoked"};
    fixture.client.failTokensOnly = true;
    usedCertificate();
    CHECK(fixture.client.wishes.size() == 3);
  }
}

TEST_CASE("without token and certificate nothing is asked") {
  Fixture fixture;
  auto manager = fixture.manager();
  SECTION("the token has expired") {
    fixture.writeToken(fixture.start - 1s);
    manager.step(fixture.start);
    CHECK(manager.status().problem.find("the token expired") != std::string::npos);
    CHECK(manager.status().problem.find("kubelet") != std::string::npos);
    CHECK(manager.status().problem.find("and there is no valid certificate") != std::string::npos);
    CHECK(fixture.client.wishes.empty());
  }
  SECTION("both have expired") {
    manager.step(fixture.start);
    manager.step(fixture.start + 25h);
    CHECK(fixture.client.wishes.size() == 1);
    CHECK(fixture.published.size() == 1);
  }
  SECTION("the file holds something else") {
    write(fixture.options.tokenFile, "two words");
    manager.step(fixture.start);
    CHECK(manager.status().problem.find("expected one token") != std::string::npos);
  }
}

TEST_CASE("a token of unknown form is sent as it is") {
  Fixture fixture;
  write(fixture.options.tokenFile, "opaque\n");
  auto manager = fixture.manager();
  manager.step(fixture.start);
  REQUIRE(fixture.client.wishes.size() == 1);
  CHECK(fixture.client.wishes[0].token == "opaque");
}

TEST_CASE("a certificate that does not fit is not published") {
  Fixture fixture;
  auto manager = fixture.manager();
  const auto problem = [&] {
    manager.step(fixture.start);
    CHECK(fixture.published.empty());
    return manager.status().problem;
  };
  SECTION("of another identity") {
    fixture.client.id = {"cluster.local", {"onap", "msb"}};
    CHECK(problem().find(
              "it names spiffe://cluster.local/ns/onap/sa/msb, expected spiffe://cluster.local/ns/onap/sa/portal") !=
          std::string::npos);
  }
  SECTION("of another trust domain") {
    fixture.client.id.trustDomain = "other.example";
    CHECK(problem().find("--trust-domain") != std::string::npos);
  }
  SECTION("for another key") {
    fixture.client.forgedKey = PrivateKey::generate().value();
    CHECK(problem().find("not for the key") != std::string::npos);
  }
  SECTION("that its roots do not prove") {
    fixture.client.forged = identity::test::makeIssuer(fixture.start);
    CHECK(problem().find("not trusted") != std::string::npos);
  }
  SECTION("from a clock far ahead of ours") {
    fixture.client.at = fixture.start + 1h;
    CHECK(problem().find("not yet valid: this machine's clock is at least 3480 s slow") != std::string::npos);
  }
  SECTION("from a clock far behind ours") {
    fixture.client.issuer = identity::test::makeIssuer(fixture.start - 48h);
    fixture.client.at = fixture.start - 47h;
    CHECK(problem().find("s fast by that of the control plane") != std::string::npos);
  }
}

TEST_CASE("a clock that is a minute behind accepts new certificates") {
  // istio#32176: clocks 5 to 30 s apart made new certificates "not yet valid".
  Fixture fixture;
  fixture.client.at = fixture.start + 1min;
  fixture.manager().step(fixture.start);
  CHECK(fixture.published.size() == 1);
}

TEST_CASE("the thread gets a certificate and stops while it waits") {
  Fixture fixture;
  std::atomic<int> count{0};
  {
    CertificateManager manager(
        fixture.options, fixture.client, [&](const Secrets&) { ++count; }, [] { return 0.5; });
    manager.start();
    CHECK(eventually([&] { return count == 1; }));
    manager.stop();
    CHECK(fixture.client.cancelled);
  }
  CHECK(count == 1);
}

TEST_CASE("against the real service: token, then certificate") {
  ControlPlane plane;
  const auto client = certificateClient({plane.address, "localhost", plane.authority->rootsFile(), 30s});
  CertificateManagerOptions options;
  options.id = kPortal;
  options.tokenFile = plane.tokenFile(kPortal.account);
  std::vector<Secrets> published;
  CertificateManager manager(
      options, *client, [&](const Secrets& secrets) { published.push_back(secrets); }, [] { return 0.5; });
  const auto at = now();
  manager.step(at);
  REQUIRE(published.size() == 1);
  write(options.tokenFile, "no.longer.good");
  manager.step(at);
  CHECK(manager.status().problem == "");
  REQUIRE(published.size() == 2);
  CHECK(published[1].certificateChain != published[0].certificateChain);
  CHECK(plane.certificates.stats().unauthenticated == 1);
}
