#include "identity/ca_material.h"

#include <catch2/catch.hpp>

#include "plugin_ca.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

std::string refusal(const CaFiles& files, Time at = now(), const std::string& trustDomain = "cluster.local") {
  const auto material = parseCaFiles(files, trustDomain, at);
  REQUIRE_FALSE(material);
  return material.error().message;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a plug-in CA in Istio's form") {
  const auto at = now();
  const auto ca = makePluginCa(at);
  const auto material = parseCaFiles(ca.files(), "cluster.local", at).value();
  CHECK(material.issuer.certificate == ca.intermediate);
  REQUIRE(material.chain.size() == 1);  // without the root, and each certificate once
  CHECK(material.chain.front() == ca.intermediate);
  CHECK(material.roots == std::vector<Certificate>{ca.root});
  CHECK(material.notAfter() == at + 24h * 365);
  // What is kept of it is the same again.
  const auto again = parseCaFiles(material.toFiles().value(), "cluster.local", at).value();
  CHECK(again.chain == material.chain);
  CHECK(again.roots == material.roots);
}

TEST_CASE("a plug-in CA in the form of a TLS secret, and without a roots file") {
  const auto at = now();
  const auto ca = makePluginCa(at);
  const CaFiles tls{
      {"tls.crt", ca.intermediate.toPem()}, {"tls.key", ca.key.toPem().value()}, {"ca.crt", ca.root.toPem()}};
  CHECK(parseCaFiles(tls, "cluster.local", at).value().roots == std::vector<Certificate>{ca.root});
  auto files = ca.files();
  files.erase("root-cert.pem");
  CHECK(parseCaFiles(files, "cluster.local", at).value().roots == std::vector<Certificate>{ca.root});
  files["cert-chain.pem"] = ca.intermediate.toPem();
  CHECK(has(refusal(files), "root-cert.pem is missing"));
}

TEST_CASE("several roots; those that have expired do not count") {
  const auto at = now();
  const auto ca = makePluginCa(at), other = makePluginCa(at, "b");
  auto files = ca.files();
  files["root-cert.pem"] = ca.root.toPem() + other.root.toPem();
  CHECK(parseCaFiles(files, "cluster.local", at).value().roots == std::vector<Certificate>{ca.root, other.root});
  const auto key = PrivateKey::generate().value();
  files["root-cert.pem"] = ca.root.toPem() + makeAuthority(key, {"old"}, at - 48h, 24h).toPem();
  CHECK(parseCaFiles(files, "cluster.local", at).value().roots == std::vector<Certificate>{ca.root});
}

TEST_CASE("what does not hold together is refused, with what to do") {
  const auto at = now();
  const auto ca = makePluginCa(at), other = makePluginCa(at, "b");
  auto files = ca.files();
  SECTION("nothing") { CHECK(has(refusal({}), "expected PEM texts in the keys ca-cert.pem and ca-key.pem")); }
  SECTION("no key") {
    files.erase("ca-key.pem");
    CHECK(has(refusal(files), "ca-key.pem is missing"));
  }
  SECTION("another key, which is not quoted") {
    files["ca-key.pem"] = other.key.toPem().value();
    const auto message = refusal(files);
    CHECK(has(message, "ca-key.pem is not the key of ca-cert.pem"));
    CHECK_FALSE(has(message, files["ca-key.pem"].substr(30, 20)));
  }
  SECTION("another root") {
    files["root-cert.pem"] = other.root.toPem();
    CHECK(has(refusal(files), "does not lead to a root of root-cert.pem"));
  }
  SECTION("a gap in the chain") {
    const auto key = PrivateKey::generate().value();
    const Issuer middle = ca.issuer();
    files["ca-cert.pem"] = makeAuthority(key, {"lower", &middle}, at).toPem();
    files["ca-key.pem"] = key.toPem().value();
    files["cert-chain.pem"] = files["ca-cert.pem"];
    CHECK(has(refusal(files), "cert-chain.pem must hold all intermediate certificates"));
    files["cert-chain.pem"] += ca.intermediate.toPem();
    CHECK(parseCaFiles(files, "cluster.local", at).value().chain.size() == 2);
  }
  SECTION("a path length that leaves no room") {
    const auto rootKey = PrivateKey::generate().value(), key = PrivateKey::generate().value();
    const auto root = makeAuthority(rootKey, {"tight", nullptr, "critical,CA:TRUE,pathlen:0"}, at);
    const Issuer issuer{root, rootKey};
    const auto lower = makeAuthority(key, {"lower", &issuer}, at);
    files = {{"ca-cert.pem", lower.toPem()}, {"ca-key.pem", key.toPem().value()}, {"root-cert.pem", root.toPem()}};
    CHECK(has(refusal(files), "path length"));
  }
  SECTION("no CA") {
    const auto key = PrivateKey::generate().value();
    const Issuer issuer = ca.issuer();
    files["ca-cert.pem"] =
        makeAuthority(key, {"leaf", &issuer, "critical,CA:FALSE", "critical,digitalSignature"}, at).toPem();
    files["ca-key.pem"] = key.toPem().value();
    CHECK(has(refusal(files), "expected a CA certificate"));
  }
  SECTION("expired") { CHECK(has(refusal(files, at + 24h * 366), "ca-cert.pem has expired")); }
  SECTION("not valid yet") { CHECK(has(refusal(files, at - 24h), "not valid yet")); }
  SECTION("garbage after a good certificate") {
    files["root-cert.pem"] += "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    CHECK(has(refusal(files), "root-cert.pem: certificate 2 of the text"));
  }
  SECTION("a leaf among the roots") {
    files["root-cert.pem"] += makeWorkload(ca.issuer(), ca.key, at).toPem();
    CHECK(has(refusal(files), "is no CA certificate"));
  }
  SECTION("a root of another trust domain") {
    const auto issuer = makeIssuer(at, 24h, "other.example");
    files = {{"ca-cert.pem", issuer.certificate.toPem()}, {"ca-key.pem", issuer.key.toPem().value()}};
    CHECK(has(refusal(files), "spiffe://other.example"));
    CHECK(parseCaFiles(files, "other.example", at));
  }
  SECTION("a revocation list that another key has signed") {
    files["ca-crl.pem"] = makeCrl({ca.intermediate, other.key}, {}, at);
    CHECK(has(refusal(files), "is not signed by its CA"));
    files["ca-crl.pem"] = "nothing";
    CHECK(has(refusal(files), "ca-crl.pem: no PEM block X509 CRL"));
    files["ca-crl.pem"] =
        makeCrl(ca.issuer(), {}, at) + makeCrl(other.issuer(), {}, at);  // others' lists are not ours to judge
    CHECK(parseCaFiles(files, "cluster.local", at).value().crl.size() == 2);
  }
}
