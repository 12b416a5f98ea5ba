#include "identity/issue.h"

#include <catch2/catch.hpp>
#include <set>

#include "base/strings.h"
#include "base/workload_labels.h"
#include "support.h"

using namespace fairway;
using namespace fairway::identity;
using namespace fairway::identity::test;

TEST_CASE("a root is a self-signed CA of its trust domain") {
  const auto at = now();
  const auto root = makeIssuer(at, 24h * 3650, "mesh.example").certificate;
  CHECK(root.isAuthority());
  CHECK(root.isSelfSigned());
  CHECK(root.uriNames() == std::vector<std::string>{"spiffe://mesh.example"});
  CHECK(root.notBefore() == at - 2min);
  CHECK(root.notAfter() == at + 24h * 3650);
  TemporaryDirectory directory;
  write(directory.path("root.pem"), root.toPem());
  const auto text = run("openssl x509 -noout -text -in " + directory.path("root.pem")).output;
  CAPTURE(text);
  CHECK(text.find("CA:TRUE, pathlen:0") != std::string::npos);
  CHECK(text.find("Certificate Sign, CRL Sign") != std::string::npos);
  CHECK(text.find("O = mesh.example, CN = Fairway root CA") != std::string::npos);
}

TEST_CASE("a root of a long trust domain") {
  std::string domain(200, 'a');
  domain += ".example";
  CHECK(makeIssuer(now(), 1h, domain).certificate.uriNames().front() == "spiffe://" + domain);
  CHECK_FALSE(issueRoot(PrivateKey::generate().value(), "UPPER", 1h, now()));
}

TEST_CASE("a workload certificate says who the workload is, and nothing else") {
  const auto at = now();
  const auto issuer = makeIssuer(at);
  const auto key = PrivateKey::generate().value();
  const auto leaf = makeWorkload(issuer, key, at, 24h);
  CHECK(leaf.uriNames() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/portal"});
  CHECK(leaf.dnsNames().empty());
  CHECK_FALSE(leaf.isAuthority());
  CHECK(leaf.matches(key));
  CHECK(leaf.notBefore() == at - 2min);
  CHECK(leaf.notAfter() == at + 24h);
  TemporaryDirectory directory;
  write(directory.path("leaf.pem"), leaf.toPem());
  const auto text = run("openssl x509 -noout -text -in " + directory.path("leaf.pem")).output;
  CAPTURE(text);
  CHECK(text.find("X509v3 Subject Alternative Name: critical") != std::string::npos);
  CHECK(text.find("Subject: \n") != std::string::npos);
  CHECK(text.find("X509v3 Basic Constraints: critical") != std::string::npos);
  CHECK(text.find("CA:FALSE") != std::string::npos);
  CHECK(text.find("TLS Web Server Authentication, TLS Web Client Authentication") != std::string::npos);
  CHECK(text.find("Digital Signature") != std::string::npos);
  CHECK(text.find("Certificate Sign") == std::string::npos);
}

TEST_CASE("the openssl tool verifies the chain") {
  const auto at = now();
  const auto issuer = makeIssuer(at);
  TemporaryDirectory directory;
  write(directory.path("root.pem"), issuer.certificate.toPem());
  write(directory.path("other.pem"), makeIssuer(at).certificate.toPem());
  write(directory.path("leaf.pem"), makeWorkload(issuer, PrivateKey::generate().value(), at).toPem());
  const auto verify = [&](const std::string& root, const std::string& options) {
    return run("openssl verify -x509_strict " + options + " -CAfile " + directory.path(root) + " " +
               directory.path("leaf.pem"));
  };
  for (const auto* purpose : {"-purpose sslclient", "-purpose sslserver"}) {
    const auto verified = verify("root.pem", purpose);
    CAPTURE(verified.output);
    CHECK(verified.status == 0);
  }
  CHECK(verify("other.pem", "").status != 0);
}

TEST_CASE("a certificate never outlives or precedes its issuer") {
  const auto at = now();
  const auto issuer = makeIssuer(at, 1h);
  const auto key = PrivateKey::generate().value();
  CHECK(makeWorkload(issuer, key, at, 24h).notAfter() == issuer.certificate.notAfter());
  CHECK(makeWorkload(issuer, key, at + 59min, 24h).notAfter() == issuer.certificate.notAfter());
  CHECK(makeWorkload(issuer, key, at - 1min, 5min).notBefore() == issuer.certificate.notBefore());
  const auto publicKey = key.publicKey().value();
  const SpiffeId id{"cluster.local", {"a", "b"}};
  const auto late = issueWorkload(issuer, publicKey, id, 1h, at + 1h);
  REQUIRE_FALSE(late);
  CHECK(late.error().message.find("expired") != std::string::npos);
  CHECK_FALSE(issueWorkload(issuer, publicKey, id, 1h, at - 3min));
  CHECK_FALSE(issueWorkload(issuer, publicKey, id, 0s, at));
  CHECK_FALSE(issueWorkload(issuer, publicKey, id, -1s, at));
  CHECK_FALSE(issueWorkload(issuer, publicKey, {"cluster.local", {"a", "b/../c"}}, 1h, at));
}

TEST_CASE("a request with names of its own gets none of them") {
  // CVE-2022-40716: a request with several URI names got them all.
  const auto csr = run(
      "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj "
      "/CN=admin/O=system:masters "
      "-addext "
      "subjectAltName=URI:spiffe://cluster.local/ns/onap/sa/portal,URI:spiffe://cluster.local/ns/kube-system/sa/admin,"
      "DNS:istiod.istio-system.svc,IP:127.0.0.1 -addext basicConstraints=critical,CA:TRUE -addext keyUsage=keyCertSign "
      "2>/dev/null");
  REQUIRE(csr.status == 0);
  const auto issuer = makeIssuer(now());
  const auto leaf =
      issueWorkload(issuer, parseCsr(csr.output).value(), {"cluster.local", {"onap", "portal"}}, 1h, now()).value();
  CHECK(leaf.uriNames() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/portal"});
  CHECK(leaf.dnsNames().empty());
  CHECK_FALSE(leaf.hasIp("127.0.0.1"));
  CHECK_FALSE(leaf.isAuthority());
  TemporaryDirectory directory;
  write(directory.path("leaf.pem"), leaf.toPem());
  const auto text = run("openssl x509 -noout -text -in " + directory.path("leaf.pem")).output;
  CHECK(text.find("admin") == std::string::npos);
  CHECK(text.find("masters") == std::string::npos);
}

TEST_CASE("a workload certificate cannot sign others") {
  const auto at = now();
  const auto issuer = makeIssuer(at);
  const auto key = PrivateKey::generate().value();
  const Issuer workload{makeWorkload(issuer, key, at), key};
  const auto forged =
      makeWorkload(workload, PrivateKey::generate().value(), at, 1h, {"cluster.local", {"kube-system", "admin"}});
  CHECK_FALSE(verifyChain(forged, {workload.certificate}, {issuer.certificate}, Usage::client, at));
}

TEST_CASE("a server certificate has the names it is to have") {
  const auto at = now();
  const auto issuer = makeIssuer(at);
  const auto key = PrivateKey::generate().value().publicKey().value();
  const auto leaf =
      issueServer(issuer, key, {{"istiod.istio-system.svc", "localhost"}, {"127.0.0.1", "::1"}}, 1h, at).value();
  CHECK(leaf.dnsNames() == std::vector<std::string>{"istiod.istio-system.svc", "localhost"});
  CHECK(leaf.hasIp("127.0.0.1"));
  CHECK(leaf.hasIp("::1"));
  CHECK_FALSE(leaf.hasIp("127.0.0.2"));
  CHECK(leaf.uriNames().empty());
  CHECK_FALSE(issueServer(issuer, key, {}, 1h, at));
  CHECK_FALSE(issueServer(issuer, key, {{}, {"localhost"}}, 1h, at));
  CHECK_FALSE(issueServer(issuer, key, {{""}, {}}, 1h, at));
}

TEST_CASE("serial numbers have 128 bits and do not repeat") {
  const auto at = now();
  const auto issuer = makeIssuer(at);
  const auto key = PrivateKey::generate().value();
  std::set<std::string> serials;
  for (int i = 0; i < 50; ++i) {
    const auto serial = makeWorkload(issuer, key, at).serialHex();
    CHECK(serial.size() == 32);
    serials.insert(serial);
  }
  CHECK(serials.size() == 50);
}

TEST_CASE("the subject says what the CA knows of the workload, and nothing else does") {
  const auto issuer = makeIssuer(now());
  const auto key = PrivateKey::generate().value();
  const auto publicKey = key.publicKey().value();
  const SpiffeId id{"cluster.local", {"onap", "portal"}};
  const std::string longest(253, 'w');
  TemporaryDirectory directory;
  write(directory.path("root.pem"), issuer.certificate.toPem());
  for (const auto& labels : {WorkloadLabels{"portal-v1", "portal", "v1", "portal", "v1", "Kubernetes"},
                             WorkloadLabels{longest, longest, longest, "x", "y", longest}}) {
    const auto description = workloadDescription(labels);
    const auto leaf = issueWorkload(issuer, publicKey, id, 1h, now(), description).value();
    CHECK(leaf.uriNames() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/portal"});
    write(directory.path("leaf.pem"), leaf.toPem());
    const auto subject = run("openssl x509 -noout -subject -nameopt RFC2253 -in " + directory.path("leaf.pem")).output;
    REQUIRE(subject.starts_with("subject="));
    CHECK(workloadOfSubject(trim(std::string_view(subject).substr(8))) == labels);
    // RFC 5280, 4.2.1.6: with a subject the names need not be critical; strict verifiers look at either.
    const auto verified = run("openssl verify -x509_strict -purpose sslserver -CAfile " + directory.path("root.pem") +
                              " " + directory.path("leaf.pem"));
    CAPTURE(verified.output);
    CHECK(verified.status == 0);
  }
  CHECK_FALSE(issueWorkload(issuer, publicKey, id, 1h, now(), std::string(2001, 'a')));
}
