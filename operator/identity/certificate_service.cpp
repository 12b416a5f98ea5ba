#include "identity/certificate_service.h"

#include <mutex>
#include <set>

#include <grpcpp/server_context.h>

#include "identity/caller.h"
#include "identity/certificate.grpc.pb.h"
#include "identity/log.h"
#include "identity/rate_limiter.h"

namespace fairway::identity {
namespace {

// "ipv4:10.0.0.1:4711" without the port, so that all connections of one host share a bucket.
std::string hostOf(const std::string& peer) { return peer.substr(0, peer.rfind(':')); }

class InFlight {
 public:
  explicit InFlight(std::atomic<unsigned>& count) : count_(count), position_(++count) {}
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() { --count_; }
  [[nodiscard]] unsigned position() const { return position_; }

 private:
  std::atomic<unsigned>& count_;
  unsigned position_;
};

// The pods whose callers wait to be known.
class Waiting {
 public:
  explicit Waiting(std::size_t most) : most_(most) {}

  // A place among them; false: there is none, or the pod has one.
  bool enter(const Caller& caller) {
    const std::lock_guard guard(mutex_);
    return pods_.size() < most_ && pods_.emplace(caller.ns, caller.pod).second;
  }
  void leave(const Caller& caller) {
    const std::lock_guard guard(mutex_);
    pods_.erase({caller.ns, caller.pod});
  }

 private:
  const std::size_t most_;
  std::mutex mutex_;
  std::set<std::pair<std::string, std::string>> pods_;  // namespace and name; guarded by mutex_
};

}  // namespace

class CertificateService::Implementation final : public v1::CertificateService::Service {
 public:
  Implementation(const CertificateAuthority& authority, TokenVerifier* tokens, CertificateServiceOptions options,
                 Clock clock)
      : authority_(authority),
        tokens_(tokens),
        options_(options),
        clock_(std::move(clock)),
        waiting_(options.maxWaiting),
        limiter_(options.perSecond, options.burst) {}

  grpc::Status CreateCertificate(grpc::ServerContext* context, const v1::CreateCertificateRequest* request,
                                 v1::CreateCertificateResponse* response) override {
    const InFlight inFlight(inFlight_);
    if (inFlight.position() > options_.maxConcurrent ||
        !limiter_.allow(hostOf(context->peer()), std::chrono::steady_clock::now())) {
      ++throttled_;
      return {grpc::StatusCode::RESOURCE_EXHAUSTED, "too many certificate requests: try again later"};
    }
    const auto now = clock_();
    const auto caller = authenticate(*context, now);
    if (!caller) {
      ++(caller.error().error_code() == grpc::StatusCode::UNAUTHENTICATED ? unauthenticated_ : failed_);
      log().warn("certificate request from {} refused: {}", context->peer(), caller.error().error_message());
      return caller.error();
    }
    tellAuthenticated(context->peer());
    const auto key = parseCsr(request->csr());
    if (!key) {
      ++unreadable_;
      return invalid(*context, *caller, key.error().message);
    }
    const auto ttl = authority_.ttlFor(std::chrono::seconds(request->validity_seconds()));
    if (!ttl) return invalid(*context, *caller, ttl.error().message);
    const auto description = describe(*caller);
    if (!description) {
      ++throttled_;
      log().warn("certificate request of {}/{} from {}: pod {} is not known yet, and too many such wait already",
                 caller->ns, caller->name, context->peer(), caller->pod);
      return {grpc::StatusCode::UNAVAILABLE,
              "the control plane has not been told of pod " + caller->pod + " yet: try again later"};
    }
    const auto issued = authority_.sign(*key, *caller, *ttl, now, *description);
    if (!issued) {
      ++failed_;
      ++unsigned_;
      log().error("cannot sign a certificate for {}/{}: {}", caller->ns, caller->name, issued.error().message);
      return {grpc::StatusCode::INTERNAL, "the certificate could not be signed"};
    }
    for (const auto& certificate : issued->chain) response->add_chain(certificate);
    response->set_roots(authority_.rootsBundle());
    response->set_trust(trustText());
    ++issued_;
    tellForeignNames(*context, *caller, request->csr());
    log().debug("issued a certificate for {}/{} to {}", caller->ns, caller->name, context->peer());
    return grpc::Status::OK;
  }

  void setTrust(std::string text) {
    const std::lock_guard guard(trustMutex_);
    trust_ = std::move(text);
  }

  void describeCallers(Describe describe) {
    const std::lock_guard guard(trustMutex_);
    describe_ = std::move(describe);
  }

  void onAuthenticated(std::function<void(const std::string&)> known) {
    const std::lock_guard guard(trustMutex_);
    known_ = std::move(known);
  }

  [[nodiscard]] CertificateServiceStats stats() const {
    return {issued_.load(), unauthenticated_.load(), invalid_.load(), throttled_.load(),
            failed_.load(), unreadable_.load(),      unsigned_.load()};
  }

 private:
  // A request may ask for any name; it gets the caller's. Only identities are repeated: other texts are the caller's own.
  static void tellForeignNames(const grpc::ServerContext& context, const ServiceAccount& caller,
                               const std::string& csr) {
    for (const auto& name : uriNamesOfCsr(csr)) {
      const auto id = SpiffeId::parse(name);
      if (!id || id->account == caller) continue;
      log().warn(
          "certificate request of {}/{} from {} asks for {}: it was given its own identity, names in a request do not "
          "count; a workload that is to have that identity must run as service account {} in namespace {}",
          caller.ns, caller.name, context.peer(), id->toString(), id->account.name, id->account.ns);
      return;
    }
  }

  grpc::Status invalid(const grpc::ServerContext& context, const ServiceAccount& caller, const std::string& message) {
    ++invalid_;
    log().warn("certificate request of {}/{} from {}: {}", caller.ns, caller.name, context.peer(), message);
    return {grpc::StatusCode::INVALID_ARGUMENT, message};
  }

  // What the certificate does not say now it does not say for hours, so a pod that is not known yet is waited for. Such
  // callers may come in any number: few of them wait, as each holds one of the threads that serve those who are known.
  // Nothing: there was no place to wait.
  [[nodiscard]] std::optional<std::string> describe(const Caller& caller) {
    Describe describe;
    {
      const std::lock_guard guard(trustMutex_);
      describe = describe_;
    }
    if (!describe) return std::string();
    if (auto found = describe(caller, std::chrono::milliseconds::zero())) return found;
    if (caller.pod.empty()) return std::string();
    if (!waiting_.enter(caller)) return std::nullopt;
    auto found = describe(caller, options_.podWait);
    waiting_.leave(caller);
    return found ? std::move(found) : std::string();
  }

  [[nodiscard]] tl::expected<Caller, grpc::Status> authenticate(const grpc::ServerContext& context, Time now) const {
    CallerCredentials credentials;
    if (const auto auth = context.auth_context(); auth) {
      credentials.tls = isTls(*auth);
      credentials.certificate = peerCertificate(*auth);
      credentials.chain = peerChain(*auth);
    }
    const auto& metadata = context.client_metadata();
    credentials.severalHeaders = metadata.count("authorization") > 1;
    if (const auto header = metadata.find("authorization"); header != metadata.end()) {
      credentials.authorization = std::string(header->second.data(), header->second.size());
    }
    const auto trust = authority_.trust();
    const auto account =
        decideCaller(credentials, {*trust, authority_.trustDomain(), tokens_, options_.certificateSuffices}, now);
    if (account) return *account;
    const auto code = account.error().unavailable ? grpc::StatusCode::UNAVAILABLE : grpc::StatusCode::UNAUTHENTICATED;
    return tl::unexpected(grpc::Status(code, account.error().message));
  }

  void tellAuthenticated(const std::string& peer) const {
    std::function<void(const std::string&)> known;
    {
      const std::lock_guard guard(trustMutex_);
      known = known_;
    }
    if (known) known(peer);
  }

  [[nodiscard]] std::string trustText() const {
    const std::lock_guard guard(trustMutex_);
    return trust_;
  }

  const CertificateAuthority& authority_;
  mutable std::mutex trustMutex_;
  std::string trust_;                              // guarded by trustMutex_
  std::function<void(const std::string&)> known_;  // guarded by trustMutex_
  Describe describe_;                              // guarded by trustMutex_
  TokenVerifier* const tokens_;
  const CertificateServiceOptions options_;
  const Clock clock_;
  Waiting waiting_;
  RateLimiter limiter_;
  std::atomic<unsigned> inFlight_{0};
  std::atomic<std::uint64_t> issued_{0}, unauthenticated_{0}, invalid_{0}, throttled_{0}, failed_{0}, unreadable_{0},
      unsigned_{0};
};

CertificateService::CertificateService(const CertificateAuthority& authority, TokenVerifier* tokens,
                                       CertificateServiceOptions options, Clock clock)
    : implementation_(std::make_unique<Implementation>(authority, tokens, options, std::move(clock))) {}
CertificateService::~CertificateService() = default;
void CertificateService::onAuthenticated(std::function<void(const std::string&)> known) {
  implementation_->onAuthenticated(std::move(known));
}
void CertificateService::describeCallers(Describe describe) { implementation_->describeCallers(std::move(describe)); }
void CertificateService::setTrust(std::string text) { implementation_->setTrust(std::move(text)); }
grpc::Service& CertificateService::service() { return *implementation_; }
CertificateServiceStats CertificateService::stats() const { return implementation_->stats(); }

}  // namespace fairway::identity
