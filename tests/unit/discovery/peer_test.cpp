#include "discovery/peer.h"

#include <catch2/catch.hpp>

#include "unit/discovery/certificates.h"

namespace fairway::discovery {

TEST_CASE("SPIFFE IDs of workloads") {
  const auto identity = identityFromSpiffe("spiffe://td.example/ns/onap/sa/web").value();
  CHECK(identity.trustDomain == "td.example");
  CHECK(identity.ns == "onap");
  CHECK(identity.serviceAccount == "web");
  CHECK(identity.toString() == "spiffe://td.example/ns/onap/sa/web");
  const std::string wrong = GENERATE(
      "", "spiffe://", "spiffe://td", "https://td/ns/a/sa/b", "spiffe://td/ns/a/sa", "spiffe://td/ns/a/sa/",
      "spiffe://td/ns//sa/b", "spiffe:///ns/a/sa/b", "spiffe://td/ns/a/sa/b/c", "spiffe://td/sa/a/ns/b",
      "spiffe://td/ns/a/sa/b?x", "spiffe://td/ns/a/sa/b#x", "spiffe://td/ns/a%2Fsa%2Fb/sa/c", "SPIFFE://td/ns/a/sa/b");
  const auto refused = identityFromSpiffe(wrong);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("expected spiffe://<trust domain>/ns/<namespace>/sa/<service account>") !=
        std::string::npos);
}

TEST_CASE("the identity of a certificate") {
  const auto ca = test::certificate(nullptr, {});
  SECTION("is its URI name, until its end") {
    const auto before = std::chrono::system_clock::now();
    const auto leaf = test::certificate(&ca, {"DNS:x", "URI:spiffe://td/ns/onap/sa/web"}, -60, 1000);
    const auto identity = identityFromCertificate(leaf.pem + ca.pem).value();
    CHECK(identity.toString() == "spiffe://td/ns/onap/sa/web");
    CHECK(identity.expires >= before + std::chrono::seconds(998));
    CHECK(identity.expires <= std::chrono::system_clock::now() + std::chrono::seconds(1000));
  }
  SECTION("needs one such name, not several (CVE-2022-40716)") {
    const auto none = identityFromCertificate(test::certificate(&ca, {"DNS:x"}).pem);
    REQUIRE_FALSE(none);
    CHECK(none.error().message.find("has 0 URI names") != std::string::npos);
    const auto two =
        identityFromCertificate(test::certificate(&ca, {"URI:spiffe://td/ns/a/sa/a", "URI:spiffe://td/ns/b/sa/b"}).pem);
    REQUIRE_FALSE(two);
    CHECK(two.error().message.find("has 2 URI names") != std::string::npos);
  }
  SECTION("needs a certificate") { CHECK_FALSE(identityFromCertificate("nonsense")); }
}

TEST_CASE("a peer's host") {
  CHECK(peerHost("ipv4:10.0.0.1:4711") == "10.0.0.1");
  CHECK(peerHost("ipv6:%5B::1%5D:80") == "::1");
  CHECK(peerHost("ipv6:[fd00::1]:80") == "fd00::1");
  CHECK(peerHost("unix:/run/x.sock") == "unix");
  CHECK(peerHost("unix:") == "unix");
}

}  // namespace fairway::discovery
