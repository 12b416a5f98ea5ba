#include "identity/pki.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

// A request made by the openssl tool, with the key options given.
std::string requestFor(const std::string& keyOptions, const std::string& more = "") {
  const auto made =
      run("openssl req -new -nodes -keyout /dev/null -subj /CN=admin " + keyOptions + " " + more + " 2>/dev/null");
  REQUIRE(made.status == 0);
  return made.output;
}

}  // namespace

TEST_CASE("a key survives its encoding") {
  const auto key = PrivateKey::generate().value();
  const auto pem = key.toPem().value();
  CHECK(pem.starts_with("-----BEGIN PRIVATE KEY-----"));
  CHECK(PrivateKey::fromPem(pem).value().toPem().value() == pem);
  CHECK(PrivateKey::generate().value().toPem().value() != pem);
}

TEST_CASE("our own request is read back") {
  const auto key = PrivateKey::generate().value();
  const auto csr = makeCsr(key).value();
  const auto read = parseCsr(csr);
  REQUIRE(read);
  const auto issuer = makeIssuer(now());
  CHECK(issueWorkload(issuer, *read, {"cluster.local", {"a", "b"}}, 1h, now()).value().matches(key));
  TemporaryDirectory directory;
  write(directory.path("csr.pem"), csr);
  CHECK(run("openssl req -verify -noout -in " + directory.path("csr.pem")).status == 0);
}

TEST_CASE("keys of accepted kinds") {
  const auto* options = GENERATE("-newkey rsa:2048", "-newkey rsa:3072", "-newkey ec -pkeyopt ec_paramgen_curve:P-256",
                                 "-newkey ec -pkeyopt ec_paramgen_curve:P-384");
  CAPTURE(options);
  CHECK(parseCsr(requestFor(options)));
}

TEST_CASE("weak and other keys are refused") {
  const auto* options = GENERATE("-newkey rsa:1024", "-newkey rsa:2047", "-newkey ec -pkeyopt ec_paramgen_curve:P-521",
                                 "-newkey ec -pkeyopt ec_paramgen_curve:secp256k1", "-newkey ed25519",
                                 "-newkey ec -pkeyopt ec_paramgen_curve:P-224",
                                 "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit");
  CAPTURE(options);
  const auto read = parseCsr(requestFor(options));
  REQUIRE_FALSE(read);
  CHECK(read.error().message.starts_with("certificate request: "));
}

TEST_CASE("the names that a request asks for can be told") {
  const std::string wanted = "-addext subjectAltName=URI:spiffe://a/ns/b/sa/c,DNS:x.example,URI:other:thing";
  const auto csr = requestFor("-newkey ec -pkeyopt ec_paramgen_curve:P-256 " + wanted);
  CHECK(uriNamesOfCsr(csr) == std::vector<std::string>{"spiffe://a/ns/b/sa/c", "other:thing"});
  CHECK(uriNamesOfCsr(makeCsr(PrivateKey::generate().value()).value()).empty());
  CHECK(uriNamesOfCsr("hello").empty());
  CHECK(uriNamesOfCsr(std::string(kMaxCsrBytes + 1, 'x')).empty());
}

TEST_CASE("a request whose signature does not hold is refused") {
  const auto csr = makeCsr(PrivateKey::generate().value()).value();
  // The signature is at the end: another base64 character in the last full line changes it or breaks the encoding.
  auto lines = csr;
  const auto end = lines.find("-----END");
  auto& character = lines[end - 12];
  character = character == 'A' ? 'B' : 'A';
  CHECK_FALSE(parseCsr(lines));
  // The subject is signed too.
  TemporaryDirectory directory;
  write(directory.path("a.pem"), requestFor("-newkey ec -pkeyopt ec_paramgen_curve:P-256"));
  const auto der = directory.path("a.der");
  REQUIRE(run("openssl req -in " + directory.path("a.pem") + " -outform DER -out " + der +
              " && sed -i s/admin/amdin/ " + der)
              .status == 0);
  const auto forged = run("openssl req -inform DER -in " + der + " -outform PEM");
  REQUIRE(forged.status == 0);
  const auto read = parseCsr(forged.output);
  REQUIRE_FALSE(read);
  CHECK(read.error().message.find("not signed by the key") != std::string::npos);
}

TEST_CASE("texts that are no request are refused, not crashed on") {
  CHECK_FALSE(parseCsr(""));
  CHECK_FALSE(parseCsr("hello"));
  CHECK_FALSE(parseCsr("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"));
  CHECK_FALSE(
      parseCsr("-----BEGIN CERTIFICATE REQUEST-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAAAA\n"
               "-----END CERTIFICATE REQUEST-----\n"));
  CHECK_FALSE(parseCsr(makeIssuer(now()).certificate.toPem()));
  const auto large = parseCsr(makeCsr(PrivateKey::generate().value()).value() + std::string(kMaxCsrBytes, ' '));
  REQUIRE_FALSE(large);
  CHECK(large.error().message.find("at most 65536") != std::string::npos);
}

TEST_CASE("every truncation of a request is refused") {
  const auto csr = makeCsr(PrivateKey::generate().value()).value();
  const auto last = csr.find("-----END");
  for (std::size_t length = 0; length < last; ++length) {
    CAPTURE(length);
    REQUIRE_FALSE(parseCsr(std::string_view(csr).substr(0, length)));
  }
}

TEST_CASE("an encrypted key is refused without asking for its pass phrase") {
  const auto made = run("openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -aes256 -pass pass:secret");
  REQUIRE(made.status == 0);
  const auto key = PrivateKey::fromPem(made.output);
  REQUIRE_FALSE(key);
  CHECK(key.error().message.find("unencrypted") != std::string::npos);
}

TEST_CASE("chains of certificates") {
  const auto a = makeIssuer(now()).certificate, b = makeIssuer(now()).certificate;
  const auto chain = Certificate::chainFromPem("text before\n" + a.toPem() + "between\n" + b.toPem());
  REQUIRE(chain);
  REQUIRE(chain->size() == 2);
  CHECK((*chain)[0] == a);
  CHECK((*chain)[1] == b);
  CHECK_FALSE((*chain)[1] == a);
  CHECK_FALSE(Certificate::chainFromPem(""));
  CHECK_FALSE(Certificate::chainFromPem(a.toPem() + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}

TEST_CASE("a chain is checked for trust, time and usage") {
  const auto at = now();
  const auto issuer = makeIssuer(at), other = makeIssuer(at);
  const auto key = PrivateKey::generate().value();
  const auto leaf = makeWorkload(issuer, key, at, 1h);
  CHECK(verifyChain(leaf, {}, {issuer.certificate}, Usage::client, at));
  CHECK(verifyChain(leaf, {}, {other.certificate, issuer.certificate}, Usage::server, at));
  CHECK_FALSE(verifyChain(leaf, {}, {other.certificate}, Usage::client, at));
  CHECK_FALSE(verifyChain(leaf, {issuer.certificate}, {other.certificate}, Usage::client, at));
  CHECK_FALSE(verifyChain(leaf, {}, {}, Usage::client, at));
  CHECK_FALSE(verifyChain(leaf, {}, {issuer.certificate}, Usage::client, at + 2h));
  CHECK_FALSE(verifyChain(leaf, {}, {issuer.certificate}, Usage::client, at - 1h));
  const auto server = issueServer(issuer, key.publicKey().value(), {{"localhost"}, {}}, 1h, at).value();
  CHECK(verifyChain(server, {}, {issuer.certificate}, Usage::server, at));
  CHECK_FALSE(verifyChain(server, {}, {issuer.certificate}, Usage::client, at));
}
