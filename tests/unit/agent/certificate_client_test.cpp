#include "agent/certificate_client.h"

#include <grpcpp/client_context.h>
#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway::agent;
using namespace fairway::agent::test;
using fairway::identity::Certificate;
using fairway::identity::makeCsr;
using fairway::identity::PrivateKey;
using Kind = CertificateFailure::Kind;

namespace {

std::unique_ptr<CertificateClient> clientOf(const ControlPlane& plane,
                                            const std::string& name = "istiod.istio-system.svc") {
  return certificateClient({plane.address, name, plane.authority->rootsFile(), 30s});
}

CertificateWish wishOf(const PrivateKey& key) {
  CertificateWish wish;
  wish.csr = makeCsr(key).value();
  return wish;
}

}  // namespace

TEST_CASE("a certificate by token, then by certificate") {
  ControlPlane plane;
  const auto client = clientOf(plane);
  const auto key = PrivateKey::generate().value();
  auto wish = wishOf(key);
  wish.token = plane.tokens->mint({"onap", "portal"}, now()).value();
  const auto first = client->request(wish);
  REQUIRE(first);
  CHECK(first->roots == plane.authority->rootsBundle());
  CHECK(Certificate::fromPem(first->chain.at(0)).value().matches(key));
  wish.token.reset();
  wish.certificate = CertificateWish::Credentials{key.toPem().value(), first->chain.at(0)};
  wish.validity = 600s;
  const auto second = client->request(wish);
  REQUIRE(second);
  const auto leaf = Certificate::fromPem(second->chain.at(0)).value();
  CHECK(leaf.uriNames() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/portal"});
  CHECK(leaf.notAfter() <= now() + 600s);
}

TEST_CASE("refused credentials are told from other failures") {
  ControlPlane plane;
  const auto client = clientOf(plane);
  auto wish = wishOf(PrivateKey::generate().value());
  CHECK(client->request(wish).error().kind == Kind::credentials);
  wish.token = "a.b.c";
  const auto refused = client->request(wish);
  CHECK(refused.error().kind == Kind::credentials);
  CHECK(refused.error().message.find("a.b.c") == std::string::npos);
  CHECK(refused.error().message.find("expected a token of this cluster") != std::string::npos);
  wish.token = plane.tokens->mint({"onap", "portal"}, now()).value();
  wish.csr = "garbage";
  CHECK(client->request(wish).error().kind == Kind::other);
}

TEST_CASE("a control plane that is another than it should be gets no token") {
  ControlPlane plane, impostor;
  auto wish = wishOf(PrivateKey::generate().value());
  wish.token = plane.tokens->mint({"onap", "portal"}, now()).value();
  const auto ask = [&](const std::string& address, const std::string& name, const std::string& roots) {
    return certificateClient({address, name, roots, 30s})->request(wish);
  };
  const auto roots = plane.authority->rootsFile();
  REQUIRE(ask(plane.address, "istiod.istio-system.svc", roots));
  CHECK(ask(plane.address, "localhost", roots));
  // gRPC says that the handshake failed; the message has to say what to look at.
  for (const auto& refused :
       {ask(plane.address, "other.example", roots), ask(impostor.address, "istiod.istio-system.svc", roots)}) {
    REQUIRE_FALSE(refused);
    INFO(refused.error().message);
    CHECK(refused.error().message.find("its certificate is not trusted") != std::string::npos);
  }
  CHECK(impostor.certificates.stats().unauthenticated == 0);
}

TEST_CASE("a root file that is missing or broken is named") {
  ControlPlane plane;
  const auto wish = wishOf(PrivateKey::generate().value());
  const auto missing = certificateClient({plane.address, "localhost", "/nonexistent/root.pem", 30s})->request(wish);
  CHECK(missing.error().message.find("/nonexistent/root.pem") != std::string::npos);
  CHECK(missing.error().message.find("istio-ca-root-cert") != std::string::npos);
  const auto path = plane.directory.path("broken.pem");
  write(path, "broken");
  CHECK(certificateClient({plane.address, "localhost", path, 30s})->request(wish).error().message.find(path) !=
        std::string::npos);
}

TEST_CASE("a cancelled client asks no more") {
  ControlPlane plane;
  const auto client = clientOf(plane);
  auto wish = wishOf(PrivateKey::generate().value());
  wish.token = plane.tokens->mint({"onap", "portal"}, now()).value();
  client->cancel();
  CHECK_FALSE(client->request(wish));
  CHECK(plane.certificates.stats().issued == 0);
}
