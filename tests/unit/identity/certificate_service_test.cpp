#include "identity/certificate_service.h"

#include <grpcpp/grpcpp.h>
#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <future>
#include <limits>
#include <set>

#include "identity/certificate.grpc.pb.h"
#include "support.h"

using namespace fairway::identity;
using namespace fairway::identity::test;

namespace {

const ServiceAccount kMsb{"onap", "msb"};

struct Answer {
  grpc::Status status;
  v1::CreateCertificateResponse response;

  [[nodiscard]] std::vector<std::string> names() const {
    return Certificate::fromPem(response.chain(0)).value().uriNames();
  }
};

// Tokens that name a pod: "pod-web-1".
struct PodTokens final : TokenVerifier {
  tl::expected<Caller, TokenError> verify(std::string_view token, Time) override {
    return Caller{kMsb, std::string(token.substr(4))};
  }
};

// What a watch has told of pods until now.
class Pods {
 public:
  void arrive(const std::string& pod) {
    const std::lock_guard guard(mutex_);
    known_.insert(pod);
    changed_.notify_all();
  }
  // Until so many callers are kept waiting.
  void awaitWaiting(std::size_t count) {
    std::unique_lock lock(mutex_);
    REQUIRE(changed_.wait_for(lock, 30s, [&] { return waiting_ == count; }));
  }
  CertificateService::Describe describe() {
    return [this](const Caller& caller, std::chrono::milliseconds wait) -> std::optional<std::string> {
      std::unique_lock lock(mutex_);
      if (wait > 0ms) ++waiting_;
      changed_.notify_all();
      changed_.wait_for(lock, wait, [&] { return known_.contains(caller.pod); });
      if (wait > 0ms) --waiting_;
      return known_.contains(caller.pod) ? std::optional("workload/" + caller.pod) : std::nullopt;
    };
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::string> known_;
  std::size_t waiting_ = 0;
};

// A control plane's certificate service on a loopback port, over TLS as it is served.
class Server {
 public:
  explicit Server(CertificateServiceOptions options = {},
                  std::shared_ptr<grpc::ServerCredentials> credentials = nullptr, TokenVerifier* verifier = nullptr)
      : authority_(CertificateAuthority::open(authorityOptions(), now() - 48h)
                       .value()),  // so that there can be expired certificates
        tokens_(FolderTokens::open(directory_.path("state")).value()),
        service_(*authority_, verifier != nullptr ? verifier : tokens_.get(), options,
                 [this] { return now() + offset_.load(); }) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", credentials ? credentials : tlsCredentials(), &port_);
    builder.RegisterService(&service_.service());
    server_ = builder.BuildAndStart();
    REQUIRE(server_);
  }
  ~Server() { server_->Shutdown(std::chrono::system_clock::now()); }

  // Of the client: what it trusts and shows.
  [[nodiscard]] Answer call(const std::string& authorization, const std::string& csr, const PrivateKey* key = nullptr,
                            const std::string& chain = "", std::int64_t validity = 0) const {
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = authority_->rootsBundle();
    if (key != nullptr) {
      options.pem_private_key = key->toPem().value();
      options.pem_cert_chain = chain;
    }
    return callOver(grpc::SslCredentials(options), authorization, csr, validity);
  }
  [[nodiscard]] Answer callOver(const std::shared_ptr<grpc::ChannelCredentials>& credentials,
                                const std::string& authorization, const std::string& csr,
                                std::int64_t validity = 0) const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride("istiod.istio-system.svc");
    const auto stub = v1::CertificateService::NewStub(
        grpc::CreateCustomChannel("127.0.0.1:" + std::to_string(port_), credentials, arguments));
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 30s);
    if (!authorization.empty()) context.AddMetadata("authorization", authorization);
    v1::CreateCertificateRequest request;
    request.set_csr(csr);
    request.set_validity_seconds(validity);
    Answer answer;
    answer.status = stub->CreateCertificate(&context, request, &answer.response);
    return answer;
  }
  [[nodiscard]] std::string bearer(const ServiceAccount& account, Time at = now()) const {
    return "Bearer " + tokens_->mint(account, at).value();
  }
  [[nodiscard]] Certificate certificateFor(const PrivateKey& key, const ServiceAccount& account,
                                           Time at = now()) const {
    return Certificate::fromPem(authority_->sign(key.publicKey().value(), account, 1h, at).value().chain[0]).value();
  }
  void onAuthenticated(std::function<void(const std::string&)> known) { service_.onAuthenticated(std::move(known)); }
  void describeCallers(CertificateService::Describe describe) { service_.describeCallers(std::move(describe)); }
  void advance(std::chrono::seconds by) { offset_ = by; }
  [[nodiscard]] CertificateServiceStats stats() const { return service_.stats(); }
  [[nodiscard]] const CertificateAuthority& authority() const { return *authority_; }
  [[nodiscard]] Issuer issuer() const {
    return {authority_->roots().front(), PrivateKey::fromPem(read(directory_.path("state/ca/ca-key.pem"))).value()};
  }

 private:
  // As the control plane serves: client certificates are asked for, and verified if shown.
  [[nodiscard]] std::shared_ptr<grpc::ServerCredentials> tlsCredentials() const {
    const auto own = read(authority_->serverFile());
    grpc::SslServerCredentialsOptions options(GRPC_SSL_REQUEST_CLIENT_CERTIFICATE_AND_VERIFY);
    options.pem_root_certs = authority_->rootsBundle();
    options.pem_key_cert_pairs = {{own, own}};
    return grpc::SslServerCredentials(options);
  }
  [[nodiscard]] AuthorityOptions authorityOptions() const {
    AuthorityOptions options;
    options.stateDir = directory_.path("state");
    return options;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<CertificateAuthority> authority_;
  std::unique_ptr<FolderTokens> tokens_;
  std::atomic<std::chrono::seconds> offset_{0s};
  CertificateService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

const std::string& csr() {
  static const std::string value = makeCsr(PrivateKey::generate().value()).value();
  return value;
}

}  // namespace

TEST_CASE("the CA says in the subject what it knows of the caller, whatever the request's says") {
  Server server;
  const auto subjectOf = [&](const std::string& request) {
    const auto answer = server.call(server.bearer(kMsb), request);
    REQUIRE(answer.status.ok());
    TemporaryDirectory directory;
    write(directory.path("leaf.pem"), answer.response.chain(0));
    return run("openssl x509 -noout -subject -nameopt RFC2253 -in " + directory.path("leaf.pem")).output;
  };
  const auto forged =
      run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null "
          "-subj /description=workload.admin 2>/dev/null");
  CHECK(subjectOf(forged.output) == "subject=\n");
  server.describeCallers([](const Caller& caller, auto) { return "workload/" + caller.name + caller.pod; });
  CHECK(subjectOf(forged.output) == "subject=description=workload/msb\n");
  CHECK(subjectOf(csr()) == "subject=description=workload/msb\n");
  server.describeCallers([](const Caller&, auto) { return std::nullopt; });
  CHECK(subjectOf(forged.output) == "subject=\n");
}

TEST_CASE("a caller with a token gets the certificate of its account") {
  Server server;
  const auto key = PrivateKey::generate().value();
  const auto answer = server.call(server.bearer(kMsb), makeCsr(key).value());
  CAPTURE(answer.status.error_message());
  REQUIRE(answer.status.ok());
  REQUIRE(answer.response.chain_size() == 1);
  CHECK(answer.names() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/msb"});
  CHECK(answer.response.roots() == server.authority().rootsBundle());
  const auto leaf = Certificate::fromPem(answer.response.chain(0)).value();
  CHECK(leaf.matches(key));
  CHECK(verifyChain(leaf, {}, Certificate::chainFromPem(answer.response.roots()).value(), Usage::client, now()));
  CHECK(server.stats().issued == 1);
}

TEST_CASE("who proved who it is is told, whatever becomes of the request") {
  Server server;
  std::vector<std::string> known;
  server.onAuthenticated([&](const std::string& peer) { known.push_back(peer); });
  CHECK(!server.call("Bearer nobody", makeCsr(PrivateKey::generate().value()).value()).status.ok());
  CHECK(known.empty());
  CHECK(!server.call(server.bearer(kMsb), "no request").status.ok());
  REQUIRE(known.size() == 1);
  CHECK(known.front().starts_with("ipv4:127.0.0.1:"));
}

TEST_CASE("a request's own names are not looked at") {
  Server server;
  const auto spoofed =
      run("openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -subj /CN=x "
          "-addext "
          "subjectAltName=URI:spiffe://cluster.local/ns/kube-system/sa/admin,URI:spiffe://cluster.local/ns/onap/sa/"
          "portal 2>/dev/null");
  REQUIRE(spoofed.status == 0);
  const auto answer = server.call(server.bearer(kMsb), spoofed.output);
  REQUIRE(answer.status.ok());
  CHECK(answer.names() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/msb"});
}

TEST_CASE("a caller with a mesh certificate renews it") {
  Server server;
  const auto key = PrivateKey::generate().value();
  const auto certificate = server.certificateFor(key, kMsb);
  const auto answer = server.call("", csr(), &key, certificate.toPem());
  CAPTURE(answer.status.error_message());
  REQUIRE(answer.status.ok());
  CHECK(answer.names() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/msb"});
  // The account in both must be the same.
  CHECK(server.call(server.bearer(kMsb), csr(), &key, certificate.toPem()).status.ok());
  const auto other = server.call(server.bearer({"onap", "portal"}), csr(), &key, certificate.toPem());
  CHECK(other.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("where tokens can be had, a certificate alone is not renewed: its account may be gone") {
  CertificateServiceOptions options;
  options.certificateSuffices = false;
  Server server(options);
  const auto key = PrivateKey::generate().value();
  const auto certificate = server.certificateFor(key, kMsb);
  const auto alone = server.call("", csr(), &key, certificate.toPem());
  CHECK(alone.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(alone.status.error_message() ==
        "a certificate alone is not renewed here: show a token of onap/msb with audience istio-ca");
  CHECK(alone.response.chain_size() == 0);
  CHECK(server.call(server.bearer(kMsb), csr(), &key, certificate.toPem()).status.ok());
  CHECK(server.call(server.bearer(kMsb), csr()).status.ok());
}

TEST_CASE("callers who do not prove who they are get nothing") {
  Server server;
  const auto refused = [&](const Answer& answer) {
    CAPTURE(answer.status.error_message());
    CHECK(answer.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
    CHECK(answer.response.chain_size() == 0);
    return answer.status.error_message();
  };
  CHECK(refused(server.call("", csr())) == "no bearer token and no client certificate");
  CHECK(refused(server.call("Basic YTpi", csr())) == "authorization: expected a bearer token");
  CHECK(refused(server.call("Bearer", csr())) == "authorization: expected a bearer token");
  CHECK(refused(server.call("Bearer x.y.z", csr())) == "the token is not one of this control plane");
  CHECK(refused(server.call(server.bearer(kMsb, now() - 48h), csr())) == "the token has expired");
  CHECK(server.stats().unauthenticated == 5);
  CHECK(server.stats().issued == 0);
}

TEST_CASE("a bad token is not made good by a certificate") {
  Server server;
  const auto key = PrivateKey::generate().value();
  const auto answer = server.call("Bearer x.y.z", csr(), &key, server.certificateFor(key, kMsb).toPem());
  CHECK(answer.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
}

TEST_CASE("certificates that prove nothing in this mesh") {
  Server server;
  const auto key = PrivateKey::generate().value();
  const auto at = now();
  const auto outcome = [&](const Certificate& certificate) {
    return server.call("", csr(), &key, certificate.toPem()).status;
  };
  // Another authority's fail the handshake; ours without a fitting identity are told so.
  CHECK_FALSE(outcome(makeWorkload(makeIssuer(at), key, at)).ok());
  CHECK_FALSE(outcome(makeWorkload(server.issuer(), key, at - 2h, 1h)).ok());
  const auto foreign = outcome(makeWorkload(server.issuer(), key, at, 1h, {"other.example", {"onap", "msb"}}));
  CHECK(foreign.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(foreign.error_message() == "the client certificate is of another trust domain");
  CHECK_FALSE(outcome(issueServer(server.issuer(), key.publicKey().value(), {{"localhost"}, {}}, 1h, at).value()).ok());
  CHECK(server.stats().issued == 0);
}

TEST_CASE("a certificate that has expired since the handshake does not count") {
  Server server;
  const auto key = PrivateKey::generate().value();
  const auto certificate = server.certificateFor(key, kMsb);
  server.advance(2h);
  const auto answer = server.call("", csr(), &key, certificate.toPem());
  CHECK(answer.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(answer.status.error_message().find("expired") != std::string::npos);
}

TEST_CASE("requests that cannot be served") {
  Server server;
  const auto invalid = [&](const std::string& request, std::int64_t validity = 0) {
    const auto answer = server.call(server.bearer(kMsb), request, nullptr, "", validity);
    CAPTURE(answer.status.error_message());
    CHECK(answer.status.error_code() == grpc::StatusCode::INVALID_ARGUMENT);
  };
  invalid("");
  invalid("garbage");
  invalid(std::string(kMaxCsrBytes + 1, 'a'));
  invalid(run("openssl req -new -newkey rsa:1024 -nodes -keyout /dev/null -subj /CN=x 2>/dev/null").output);
  invalid(csr(), -1);
  invalid(csr(), std::numeric_limits<std::int64_t>::max());
  invalid(csr(), std::numeric_limits<std::int64_t>::min());
  invalid(csr(), std::chrono::seconds(24h * 90).count() + 1);
  CHECK(server.stats().invalid == 8);
  const auto answer = server.call(server.bearer(kMsb), csr(), nullptr, "", std::chrono::seconds(24h * 90).count());
  REQUIRE(answer.status.ok());
  CHECK(Certificate::fromPem(answer.response.chain(0)).value().notAfter() >= now() + 24h * 89);
}

TEST_CASE("no certificate is issued over plaintext") {
  // CVE-2022-39388: whoever reached the authority from localhost could be any identity.
  Server server({}, grpc::InsecureServerCredentials());
  const auto answer = server.callOver(grpc::InsecureChannelCredentials(), server.bearer(kMsb), csr());
  CHECK(answer.status.error_code() == grpc::StatusCode::UNAUTHENTICATED);
  CHECK(answer.status.error_message() == "certificates are issued over TLS only");
}

TEST_CASE("a flood from one address is throttled") {
  CertificateServiceOptions options;
  options.perSecond = 0.001;
  options.burst = 2;
  Server server(options);
  for (int i = 0; i < 2; ++i) CHECK(server.call(server.bearer(kMsb), csr()).status.ok());
  CHECK(server.call(server.bearer(kMsb), csr()).status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  CHECK(server.stats().throttled == 1);
}

namespace {

CertificateServiceOptions patient(unsigned maxWaiting) {
  CertificateServiceOptions options;
  options.maxWaiting = maxWaiting;
  options.podWait = 60s;  // longer than the test: what ends a wait is the pod
  return options;
}

std::string subjectOf(const Answer& answer) {
  TemporaryDirectory directory;
  write(directory.path("leaf.pem"), answer.response.chain(0));
  return run("openssl x509 -noout -subject -nameopt RFC2253 -in " + directory.path("leaf.pem")).output;
}

}  // namespace

TEST_CASE("a pod that is not known yet waits until it is") {
  Pods pods;
  PodTokens tokens;
  Server server(patient(2), nullptr, &tokens);
  server.describeCallers(pods.describe());
  auto early = std::async(std::launch::async, [&] { return server.call("Bearer pod-early", csr()); });
  pods.awaitWaiting(1);
  // A second call of the same pod does not take a second place.
  const auto again = server.call("Bearer pod-early", csr());
  CHECK(again.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  CHECK(again.status.error_message() == "the control plane has not been told of pod early yet: try again later");
  pods.arrive("early");
  const auto answer = early.get();
  CAPTURE(answer.status.error_message());
  REQUIRE(answer.status.ok());
  CHECK(subjectOf(answer) == "subject=description=workload/early\n");
  CHECK(server.stats().throttled == 1);
}

TEST_CASE("many pods that nobody knows do not hold those who are known") {
  constexpr unsigned kPlaces = 3, kMany = 40;
  Pods pods;
  PodTokens tokens;
  auto options = patient(kPlaces);
  options.maxConcurrent = kMany;  // all of them at once would leave room for nobody
  Server server(options, nullptr, &tokens);
  server.describeCallers(pods.describe());
  pods.arrive("honest");
  std::vector<std::future<Answer>> unknown;
  for (unsigned i = 0; i < kPlaces; ++i) {
    unknown.push_back(std::async(std::launch::async,
                                 [&, i] { return server.call("Bearer pod-unknown-" + std::to_string(i), csr()); }));
  }
  pods.awaitWaiting(kPlaces);
  // Those who find no place are told at once, while the others wait.
  for (unsigned i = kPlaces; i < kMany; ++i) {
    const auto answer = server.call("Bearer pod-unknown-" + std::to_string(i), csr());
    CHECK(answer.status.error_code() == grpc::StatusCode::UNAVAILABLE);
  }
  CHECK(server.stats().throttled == kMany - kPlaces);
  const auto honest = server.call("Bearer pod-honest", csr());
  REQUIRE(honest.status.ok());
  CHECK(subjectOf(honest) == "subject=description=workload/honest\n");
  for (unsigned i = 0; i < kPlaces; ++i) pods.arrive("unknown-" + std::to_string(i));
  for (auto& answer : unknown) CHECK(answer.get().status.ok());
  // Their places are free again.
  auto late = std::async(std::launch::async, [&] { return server.call("Bearer pod-late", csr()); });
  pods.awaitWaiting(1);
  pods.arrive("late");
  CHECK(late.get().status.ok());
}

TEST_CASE("a pod that never comes is granted what is known of it: its account") {
  Pods pods;
  PodTokens tokens;
  CertificateServiceOptions options;
  options.podWait = 1ms;
  Server server(options, nullptr, &tokens);
  server.describeCallers(pods.describe());
  const auto answer = server.call("Bearer pod-ghost", csr());
  REQUIRE(answer.status.ok());
  CHECK(subjectOf(answer) == "subject=\n");
  CHECK(answer.names() == std::vector<std::string>{"spiffe://cluster.local/ns/onap/sa/msb"});
}
