#include <google/protobuf/any.pb.h>
#include <grpcpp/security/credentials.h>
#include <catch2/catch.hpp>

#include <atomic>
#include <fstream>

#include "discovery/server.h"
#include "unit/discovery/certificates.h"
#include "unit/discovery/server_support.h"
#include "unit/discovery/support.h"

// The server on its TLS port: who gets in, and as whom.
namespace fairway::discovery {
namespace {

using test::channel;
using test::Client;
using test::eventually;
using namespace std::chrono_literals;

constexpr auto C = Type::cluster;
constexpr auto S = Type::secret;

void writeFile(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  std::filesystem::rename(path + ".new", path);
}

struct Secure {
  test::Folder folder;
  test::Certificate ca = test::certificate(nullptr, {});
  test::FakeSource source;
  ServerTls files{folder / "cert.pem", folder / "key.pem", folder / "roots.pem"};
  std::unique_ptr<Server> server;

  explicit Secure(ServerOptions options = {}) {
    const auto own = test::certificate(&ca, {"IP:127.0.0.1"});
    writeFile(files.certificateFile, own.pem);
    writeFile(files.keyFile, own.keyPem);
    writeFile(files.rootFile, ca.pem);
    options.secureAddress = "127.0.0.1:0";
    options.tls = files;
    options.limits.sweep = 20ms;
    server = Server::start(std::move(options), source).value();
    google::protobuf::Any any;
    any.set_value("content");
    source.publish(
        test::snapshot({{{C, "a"}, any.SerializeAsString()}, {{S, "kubernetes://tls"}, any.SerializeAsString()}}));
  }
  std::shared_ptr<grpc::Channel> to(const std::string& roots, const test::Certificate* own = nullptr) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = roots;
    if (own) {
      options.pem_cert_chain = own->pem;
      options.pem_private_key = own->keyPem;
    }
    return channel(server->secureAddress(), grpc::SslCredentials(options));
  }
  std::shared_ptr<grpc::Channel> as(const std::string& uri, long until = 3600) const {
    const auto own = test::certificate(&ca, {"URI:" + uri}, -60, until);
    return to(ca.pem, &own);
  }
};

grpc::Status statusOf(const std::shared_ptr<grpc::Channel>& via, const std::string& token = "") {
  Client client(via, token);
  client.send(Client::first(C));
  return client.finish();
}

bool serves(const std::shared_ptr<grpc::Channel>& via, const std::string& token = "") {
  Client client(via, token);
  client.send(Client::first(C));
  return client.read().has_value();
}

constexpr auto kWeb = "spiffe://cluster.local/ns/onap/sa/web";

}  // namespace

TEST_CASE("a client certificate says who calls", "[grpc]") {
  Secure secure;
  Client client(secure.as(kWeb));
  client.send(Client::first(S, {"kubernetes://tls"}));
  const auto response = client.read();
  REQUIRE(response);
  CHECK(response->resources_size() == 1);
  const auto info = secure.server->stream("web.onap");
  REQUIRE(info);
  CHECK(info->identity == kWeb);
  CHECK(info->secure);
  CHECK(info->expires < std::chrono::system_clock::now() + 3601s);
}

TEST_CASE("a caller may be nobody else's proxy", "[grpc]") {
  Secure secure;
  const std::string other = GENERATE("spiffe://cluster.local/ns/onap/sa/db", "spiffe://cluster.local/ns/other/sa/web");
  const auto status = statusOf(secure.as(other));
  CHECK(status.error_code() == grpc::PERMISSION_DENIED);
  CHECK(status.error_message().find("says it runs as service account \"onap/web\", but the caller is " + other) !=
        std::string::npos);
  CHECK(secure.server->counters().denied == 1);
  CHECK(secure.source.proxies().empty());
}

TEST_CASE("the caller must belong to the trust domain", "[grpc]") {
  Secure secure;
  const auto status = statusOf(secure.as("spiffe://elsewhere/ns/onap/sa/web"));
  CHECK(status.error_code() == grpc::UNAUTHENTICATED);
  CHECK(status.error_message() == "spiffe://elsewhere/ns/onap/sa/web is not of trust domain cluster.local");
}

TEST_CASE("without an identity nobody gets in", "[grpc]") {
  Secure secure;
  SECTION("no certificate") {
    const auto status = statusOf(secure.to(secure.ca.pem));
    CHECK(status.error_code() == grpc::UNAUTHENTICATED);
    CHECK(status.error_message().starts_with("no identity: present a client certificate"));
  }
  SECTION("a token where none is taken") {
    CHECK(statusOf(secure.to(secure.ca.pem), "good").error_code() == grpc::UNAUTHENTICATED);
  }
  SECTION("a certificate without a SPIFFE ID") {
    const auto own = test::certificate(&secure.ca, {"DNS:web"});
    const auto status = statusOf(secure.to(secure.ca.pem, &own));
    CHECK(status.error_code() == grpc::UNAUTHENTICATED);
    CHECK(status.error_message().find("has 0 URI names") != std::string::npos);
  }
  SECTION("a certificate of another authority") {
    const auto other = test::certificate(nullptr, {});
    const auto own = test::certificate(&other, {std::string("URI:") + kWeb});
    CHECK(statusOf(secure.to(secure.ca.pem, &own)).error_code() == grpc::UNAVAILABLE);
  }
  SECTION("an expired certificate") { CHECK(statusOf(secure.as(kWeb, -10)).error_code() == grpc::UNAVAILABLE); }
  SECTION("plaintext") { CHECK(statusOf(channel(secure.server->secureAddress())).error_code() == grpc::UNAVAILABLE); }
  CHECK(secure.source.proxies().empty());
  CHECK(serves(secure.as(kWeb)));
}

TEST_CASE("a token says who calls", "[grpc]") {
  ServerOptions options;
  options.authenticateToken = [](const std::string& token) -> Result<PeerIdentity> {
    if (token == "good") return PeerIdentity{.trustDomain = "cluster.local", .ns = "onap", .serviceAccount = "web"};
    if (token == "late") {
      return PeerIdentity{.trustDomain = "cluster.local",
                          .ns = "onap",
                          .serviceAccount = "web",
                          .expires = std::chrono::system_clock::now() - 1s};
    }
    if (token == "fault") throw std::runtime_error("token service is away");
    return failure("the token is not known");
  };
  Secure secure(std::move(options));
  const auto via = secure.to(secure.ca.pem);
  CHECK(serves(via, "good"));
  auto status = statusOf(via, "bad");
  CHECK(status.error_code() == grpc::UNAUTHENTICATED);
  CHECK(status.error_message() == "the token is not known");
  CHECK(statusOf(via, "late").error_code() == grpc::UNAUTHENTICATED);
  CHECK(statusOf(via, "fault").error_code() == grpc::UNAUTHENTICATED);
  CHECK(statusOf(via).error_code() == grpc::UNAUTHENTICATED);
  CHECK(secure.server->counters().unauthenticated == 4);
}

TEST_CASE("a token check that hangs holds up no other stream", "[grpc]") {
  std::mutex gate;
  std::unique_lock closed(gate);
  ServerOptions options;
  options.threads = 1;
  options.authenticateToken = [&](const std::string&) -> Result<PeerIdentity> {
    const std::lock_guard wait(gate);
    return failure("no");
  };
  Secure secure(std::move(options));
  Client hanging(secure.to(secure.ca.pem), "token");
  hanging.send(Client::first(C));
  CHECK(serves(secure.as(kWeb)));
  closed.unlock();
  CHECK(hanging.finish().error_code() == grpc::UNAUTHENTICATED);
}

TEST_CASE("the store has the last word on who may be which proxy", "[grpc]") {
  ServerOptions options;
  options.authorize = [](const PeerIdentity& identity, const translate::Proxy& proxy) -> Result<void> {
    if (proxy.pod == "web") return failure("pod web does not run as " + identity.serviceAccount);
    return {};
  };
  Secure secure(std::move(options));
  const auto status = statusOf(secure.as(kWeb));
  CHECK(status.error_code() == grpc::PERMISSION_DENIED);
  CHECK(status.error_message() == "pod web does not run as web");
  Client other(secure.as(kWeb));
  other.send(Client::first(C, {}, "web2"));
  CHECK(other.read());
}

TEST_CASE("a stream ends when its certificate does", "[grpc]") {
  Secure secure;
  Client client(secure.as(kWeb, 4));
  client.send(Client::first(C));
  REQUIRE(client.read());
  const auto status = client.finish();
  CHECK(status.error_code() == grpc::UNAUTHENTICATED);
  CHECK(status.error_message() == "the credentials of this stream have expired; reconnect with new ones");
  CHECK(secure.server->counters().expired == 1);
  CHECK(eventually([&] { return secure.source.proxies().empty(); }));
}

TEST_CASE("renewed files count without a restart (istio#47842)", "[grpc]") {
  Secure secure;
  REQUIRE(serves(secure.as(kWeb)));
  const auto newCa = test::certificate(nullptr, {});
  const auto renewed = test::certificate(&newCa, {"IP:127.0.0.1"});
  SECTION("the server's certificate") {
    CHECK(statusOf(secure.to(newCa.pem)).error_code() == grpc::UNAVAILABLE);
    // Between the two renames certificate and key do not match: the old pair still serves.
    writeFile(secure.files.certificateFile, renewed.pem);
    CHECK(serves(secure.as(kWeb)));
    writeFile(secure.files.keyFile, renewed.keyPem);
    CHECK(statusOf(secure.to(newCa.pem)).error_code() == grpc::UNAUTHENTICATED);  // trusted, only without identity
    CHECK(statusOf(secure.to(secure.ca.pem)).error_code() == grpc::UNAVAILABLE);
  }
  SECTION("the trust bundle, in both directions") {
    const auto own = test::certificate(&newCa, {std::string("URI:") + kWeb});
    CHECK(statusOf(secure.to(secure.ca.pem, &own)).error_code() == grpc::UNAVAILABLE);
    writeFile(secure.files.rootFile, secure.ca.pem + newCa.pem);
    CHECK(serves(secure.to(secure.ca.pem, &own)));
    CHECK(serves(secure.as(kWeb)));
    writeFile(secure.files.rootFile, newCa.pem);
    CHECK(serves(secure.to(secure.ca.pem, &own)));
    CHECK(statusOf(secure.as(kWeb)).error_code() == grpc::UNAVAILABLE);
  }
  SECTION("broken or missing files leave the last good ones in use") {
    writeFile(secure.files.keyFile, "nonsense");
    CHECK(serves(secure.as(kWeb)));
    std::filesystem::remove(secure.files.certificateFile);
    CHECK(serves(secure.as(kWeb)));
    writeFile(secure.files.rootFile, "");
    CHECK(serves(secure.as(kWeb)));
  }
}

TEST_CASE("files that cannot be used fail the start", "[grpc]") {
  test::Folder folder;
  const auto ca = test::certificate(nullptr, {});
  const auto own = test::certificate(&ca, {"IP:127.0.0.1"});
  ServerOptions options;
  options.secureAddress = "127.0.0.1:0";
  options.tls = {folder / "cert.pem", folder / "key.pem", folder / "roots.pem"};
  writeFile(options.tls.certificateFile, own.pem);
  writeFile(options.tls.keyFile, own.keyPem);
  writeFile(options.tls.rootFile, ca.pem);
  std::string expected;
  SECTION("missing") {
    std::filesystem::remove(options.tls.rootFile);
    expected = "roots.pem: cannot be read";
  }
  SECTION("no certificate") {
    writeFile(options.tls.certificateFile, "nonsense");
    expected = "cert.pem: no certificate in PEM form";
  }
  SECTION("no key") {
    writeFile(options.tls.keyFile, own.pem);
    expected = "key.pem: no private key in PEM form";
  }
  SECTION("another's key") {
    writeFile(options.tls.keyFile, ca.keyPem);
    expected = "key.pem: not the key of the certificate in";
  }
  test::FakeSource source;
  const auto server = Server::start(std::move(options), source);
  REQUIRE_FALSE(server);
  CHECK(server.error().message.starts_with("TLS for xDS on 127.0.0.1:0: "));
  CHECK(server.error().message.find(expected) != std::string::npos);
}

}  // namespace fairway::discovery
