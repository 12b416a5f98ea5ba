#include "kube/tls.h"

#include "http_server.h"
#include "kube/client.h"
#include "support.h"

using namespace fairway;
using namespace fairway::kube;
using namespace fairway::kube::test;

namespace {

const Resource kServices{"", "v1", "services", "", ""};

ApiResult<std::string> listOnce(const ClusterAccess& access) {
  auto client = makeClient(access);
  if (!client) FAIL(client.error().message);
  return (*client)->list(kServices, 1, "", {});
}

void okay(const Request&, Reply& reply) { reply.answer(200, "{}"); }

}  // namespace

TEST_CASE("the server's certificate must come from the given CA and be for its address") {
  const Issued ca = makeCa("the CA"), otherCa = makeCa("another CA");
  const Issued good = issue(ca, "apiserver", "IP:127.0.0.1,DNS:kubernetes");
  const Issued elsewhere = issue(ca, "127.0.0.1", "IP:127.0.0.2,DNS:kubernetes");
  HttpServer server(okay, {good.certificatePem, good.keyPem, ""});
  HttpServer wrongAddress(okay, {elsewhere.certificatePem, elsewhere.keyPem, ""});
  ClusterAccess access;
  access.caPem = ca.certificatePem;

  access.server = server.url();
  CHECK(listOnce(access));

  access.server = wrongAddress.url();
  const auto refused = listOnce(access);
  REQUIRE(!refused);
  CHECK(refused.error().kind == ApiError::Kind::unreachable);
  CHECK_THAT(refused.error().message, Catch::Contains("IP address mismatch"));
  CHECK(wrongAddress.requests() == 0);

  SECTION("tls-server-name is verified instead of the address") {
    access.tlsServerName = "kubernetes";
    CHECK(listOnce(access));
    access.tlsServerName = "other";
    CHECK(!listOnce(access));
  }
  SECTION("insecure-skip-tls-verify accepts anything") {
    access.caPem.clear();
    access.insecureSkipTlsVerify = true;
    CHECK(listOnce(access));
  }
  SECTION("another CA is not trusted") {
    access.server = server.url();
    access.caPem = otherCa.certificatePem;
    const auto untrusted = listOnce(access);
    REQUIRE(!untrusted);
    CHECK_THAT(untrusted.error().message, Catch::Contains("certificate is refused"));
  }
  SECTION("without a CA the system's roots decide") {
    access.server = server.url();
    access.caPem.clear();
    CHECK(!listOnce(access));
  }
}

TEST_CASE("client certificates, inline and from files that rotate") {
  TempFolder folder;
  const Issued ca = makeCa("the CA");
  const Issued serverCertificate = issue(ca, "apiserver", "IP:127.0.0.1");
  const Issued alice = issue(ca, "alice", ""), bob = issue(ca, "bob", "");
  std::string subject;
  int status = 200;
  HttpServer server(
      [&](const Request& request, Reply& reply) {
        subject = request.clientCertificate;
        reply.answer(status, "{}");
      },
      {serverCertificate.certificatePem, serverCertificate.keyPem, ca.certificatePem});
  ClusterAccess access;
  access.server = server.url();
  access.caFile = folder.write("ca.crt", ca.certificatePem).string();

  SECTION("inline") {
    access.certificatePem = alice.certificatePem;
    access.keyPem = alice.keyPem;
    CHECK(listOnce(access));
    CHECK(subject == "/CN=alice");
  }
  SECTION("files are read again after a 401") {
    access.certificateFile = folder.write("client.crt", alice.certificatePem).string();
    access.keyFile = folder.write("client.key", alice.keyPem).string();
    auto client = makeClient(access);
    REQUIRE(client);
    CHECK((*client)->list(kServices, 1, "", {}));
    CHECK(subject == "/CN=alice");
    folder.write("client.crt", bob.certificatePem);
    folder.write("client.key", bob.keyPem);
    status = 401;
    CHECK(!(*client)->list(kServices, 1, "", {}));
    status = 200;
    CHECK((*client)->list(kServices, 1, "", {}));
    CHECK(subject == "/CN=bob");
  }
  SECTION("a file that breaks later is named in the error") {
    access.certificateFile = folder.write("client.crt", alice.certificatePem).string();
    access.keyFile = folder.write("client.key", alice.keyPem).string();
    auto client = makeClient(access);
    REQUIRE(client);
    folder.write("client.key", "no key");
    const auto refused = (*client)->list(kServices, 1, "", {});
    REQUIRE(!refused);
    CHECK_THAT(refused.error().message, Catch::Contains("client.key"));
  }
}

TEST_CASE("broken TLS material is found before the first request") {
  TempFolder folder;
  const Issued ca = makeCa("the CA");
  const Issued alice = issue(ca, "alice", ""), bob = issue(ca, "bob", "");
  ClusterAccess access;
  access.server = "https://127.0.0.1:1";

  const auto messageOf = [&] {
    const auto client = makeClient(access);
    REQUIRE(!client);
    return client.error().message;
  };
  SECTION("a CA that is not there") {
    access.caFile = (folder / "missing.crt").string();
    CHECK_THAT(messageOf(), Catch::Contains("missing.crt"));
  }
  SECTION("a CA that is no PEM") {
    access.caFile = folder.write("ca.crt", "nothing").string();
    CHECK_THAT(messageOf(), Catch::Contains("no PEM certificate"));
  }
  SECTION("a key of another certificate") {
    access.certificatePem = alice.certificatePem;
    access.keyPem = bob.keyPem;
    CHECK_THAT(messageOf(), Catch::Contains("does not belong to"));
  }
}
