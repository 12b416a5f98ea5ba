#include "identity/authority.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

AuthorityOptions optionsIn(const TemporaryDirectory& directory) {
  AuthorityOptions options;
  options.stateDir = directory.path("state");
  return options;
}

std::string refusal(const AuthorityOptions& options, Time at) {
  const auto authority = CertificateAuthority::open(options, at);
  REQUIRE_FALSE(authority);
  return authority.error().message;
}

}  // namespace

TEST_CASE("an authority keeps its root over restarts") {
  TemporaryDirectory directory;
  const auto at = now();
  std::string roots, server;
  {
    const auto authority = CertificateAuthority::open(optionsIn(directory), at).value();
    roots = authority->rootsBundle();
    server = read(authority->serverFile());
    CHECK(authority->expires() == at + 24h * 3650);
    CHECK(read(authority->rootsFile()) == roots);
    CHECK(modeOf(authority->serverFile()) == 0600);
    CHECK(modeOf(directory.path("state/ca/ca-key.pem")) == 0600);
    CHECK(modeOf(directory.path("state/ca/ca-cert.pem")) == 0600);
    CHECK(modeOf(directory.path("state/ca")) == 0700);
  }
  const auto authority = CertificateAuthority::open(optionsIn(directory), at + 1h).value();
  CHECK(authority->rootsBundle() == roots);
  CHECK(read(authority->serverFile()) == server);
}

TEST_CASE("an authority signs in its own trust domain, within its limits") {
  TemporaryDirectory directory;
  const auto at = now();
  auto options = optionsIn(directory);
  options.trustDomain = "mesh.example";
  options.defaultTtl = 1h;
  options.maxTtl = 2h;
  const auto authority = CertificateAuthority::open(options, at).value();
  const auto key = PrivateKey::generate().value().publicKey().value();
  const auto validity = [&](std::chrono::seconds ttl) {
    return authority->sign(key, {"a", "b"}, ttl, at).value().notAfter - at;
  };
  CHECK(validity(0s) == 1h);
  CHECK(validity(30min) == 30min);
  CHECK(validity(2h) == 2h);
  const auto refused = authority->sign(key, {"a", "b"}, 2h + 1s, at);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("found 7201 s, expected at most 7200 s") != std::string::npos);
  const auto issued = authority->sign(key, {"a", "b"}, 0s, at).value();
  REQUIRE(issued.chain.size() == 1);
  const auto leaf = Certificate::fromPem(issued.chain[0]).value();
  CHECK(leaf.uriNames() == std::vector<std::string>{"spiffe://mesh.example/ns/a/sa/b"});
  CHECK(verifyChain(leaf, {}, authority->roots(), Usage::client, at));
  CHECK_FALSE(authority->sign(key, {"a", "../b"}, 0s, at));
  CHECK_FALSE(authority->sign(key, {"a", "b"}, -1s, at));
}

TEST_CASE("a key that others can read is refused, with what to do") {
  TemporaryDirectory directory;
  REQUIRE(CertificateAuthority::open(optionsIn(directory), now()));
  const auto key = directory.path("state/ca/ca-key.pem");
  const auto pem = read(key);
  REQUIRE(::chmod(key.c_str(), 0640) == 0);
  const auto message = refusal(optionsIn(directory), now());
  CHECK(message.find("chmod 600 " + key) != std::string::npos);
  CHECK(message.find("0640") != std::string::npos);
  CHECK(message.find(pem.substr(30, 20)) == std::string::npos);
  CHECK(read(key) == pem);
  REQUIRE(::chmod(key.c_str(), 0600) == 0);
  CHECK(CertificateAuthority::open(optionsIn(directory), now()));
}

TEST_CASE("a state directory that does not fit together is refused, not replaced") {
  TemporaryDirectory directory;
  const auto at = now();
  REQUIRE(CertificateAuthority::open(optionsIn(directory), at));
  const auto key = directory.path("state/ca/ca-key.pem"), certificate = directory.path("state/ca/ca-cert.pem");

  SECTION("the key is missing") {
    std::filesystem::remove(key);
    CHECK(refusal(optionsIn(directory), at).find("restore the key") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(key));
  }
  SECTION("the key is another") {
    write(key, PrivateKey::generate().value().toPem().value());
    CHECK(refusal(optionsIn(directory), at).find("ca-key.pem is not the key of ca-cert.pem") != std::string::npos);
  }
  SECTION("the key is garbage") {
    write(key, "-----BEGIN PRIVATE KEY-----\nsecretsecret\n-----END PRIVATE KEY-----\n");
    CHECK(refusal(optionsIn(directory), at).find("secretsecret") == std::string::npos);
  }
  SECTION("the certificate is no CA") {
    const Issuer issuer{Certificate::fromPem(read(certificate)).value(), PrivateKey::fromPem(read(key)).value()};
    write(certificate, makeWorkload(issuer, issuer.key, at).toPem());
    CHECK(refusal(optionsIn(directory), at).find("expected a CA certificate") != std::string::npos);
  }
  SECTION("the trust domain is another") {
    auto options = optionsIn(directory);
    options.trustDomain = "other.example";
    const auto message = refusal(options, at);
    CHECK(message.find("spiffe://cluster.local") != std::string::npos);
    CHECK(message.find("spiffe://other.example") != std::string::npos);
  }
  SECTION("the root has expired") {
    CHECK(refusal(optionsIn(directory), at + 24h * 3651).find("expired") != std::string::npos);
  }
  SECTION("a crash left the key without its certificate: the certificate is made anew") {
    std::filesystem::remove(certificate);
    const auto authority = CertificateAuthority::open(optionsIn(directory), at).value();
    CHECK(authority->roots().front().matches(PrivateKey::fromPem(read(key)).value()));
  }
}

TEST_CASE("the control plane's own certificate") {
  TemporaryDirectory directory;
  const auto at = now();
  const auto authority = CertificateAuthority::open(optionsIn(directory), at).value();
  const auto path = authority->serverFile();
  const auto first = read(path);
  const auto leaf = Certificate::fromPem(first).value();
  CHECK(verifyChain(leaf, {}, authority->roots(), Usage::server, at));
  CHECK(leaf.matches(PrivateKey::fromPem(first).value()));
  CHECK(leaf.hasIp("127.0.0.1"));
  CHECK(authority->serverExpires() == at + 24h * 7);

  SECTION("is renewed at half its life, with a new key") {
    CHECK_FALSE(authority->renewIfDue(at + 24h * 3).value());
    CHECK(read(path) == first);
    CHECK(authority->renewIfDue(at + 24h * 4).value());
    const auto second = Certificate::fromPem(read(path)).value();
    CHECK(second.notAfter() == at + 24h * 11);
    CHECK(authority->serverExpires() == second.notAfter());
    CHECK_FALSE(second.matches(PrivateKey::fromPem(first).value()));
    CHECK_FALSE(authority->renewIfDue(at + 24h * 4).value());
  }
  SECTION("is made again when its file is gone or broken") {
    std::filesystem::remove(path);
    CHECK(authority->renewIfDue(at).value());
    write(path, "garbage");
    CHECK(authority->renewIfDue(at).value());
    CHECK(Certificate::fromPem(read(path)));
    REQUIRE(::chmod(path.c_str(), 0644) == 0);
    CHECK(authority->renewIfDue(at).value());
    CHECK(modeOf(path) == 0600);
  }
  SECTION("is made again when it is to have other names") {
    auto options = optionsIn(directory);
    options.serverNames.dns.emplace_back("fairway.example");
    const auto reopened = CertificateAuthority::open(options, at).value();
    CHECK(Certificate::fromPem(read(path)).value().dnsNames().back() == "fairway.example");
  }
  SECTION("is made again when it is of another root") {
    std::filesystem::remove_all(directory.path("state/ca"));
    std::filesystem::remove(directory.path("state/root.pem"));
    const auto reopened = CertificateAuthority::open(optionsIn(directory), at).value();
    CHECK(verifyChain(Certificate::fromPem(read(path)).value(), {}, reopened->roots(), Usage::server, at));
    CHECK(read(reopened->rootsFile()) == reopened->rootsBundle());
  }
}

TEST_CASE("bad options of an authority") {
  TemporaryDirectory directory;
  auto options = optionsIn(directory);
  options.trustDomain = "Not/Valid";
  CHECK(refusal(options, now()).find("trust domain") != std::string::npos);
  options = optionsIn(directory);
  options.maxTtl = 1h;
  CHECK(refusal(options, now()).find("default <= maximum") != std::string::npos);
  options = optionsIn(directory);
  write(directory.path("state"), "a file");
  CHECK(refusal(options, now()).find(directory.path("state")) != std::string::npos);
}
