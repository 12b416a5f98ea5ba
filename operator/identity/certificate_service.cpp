#include "identity/certificate_service.h"

#include <grpcpp/server_context.h>
#include <spdlog/spdlog.h>

#include "base/strings.h"
#include "identity/certificate.grpc.pb.h"
#include "identity/peer.h"
#include "identity/rate_limiter.h"

namespace fairway::identity {
namespace {

constexpr std::string_view kBearer = "bearer ";

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

}  // namespace

class CertificateService::Implementation final : public v1::CertificateService::Service {
 public:
  Implementation(const CertificateAuthority& authority, TokenVerifier* tokens, CertificateServiceOptions options,
                 Clock clock)
      : authority_(authority),
        tokens_(tokens),
        options_(options),
        clock_(std::move(clock)),
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
      spdlog::warn("certificate request from {} refused: {}", context->peer(), caller.error().error_message());
      return caller.error();
    }
    const auto key = parseCsr(request->csr());
    if (!key) return invalid(*context, *caller, key.error().message);
    if (request->validity_seconds() < 0) return invalid(*context, *caller, "validity_seconds: expected 0 or more");
    constexpr std::int64_t kLongest = 10LL * 365 * 24 * 3600;  // keeps sums with it from overflowing
    const std::chrono::seconds ttl(std::min<std::int64_t>(request->validity_seconds(), kLongest));
    const auto issued = authority_.sign(*key, *caller, ttl, now);
    if (!issued) {
      ++failed_;
      spdlog::error("cannot sign a certificate for {}/{}: {}", caller->ns, caller->name, issued.error().message);
      return {grpc::StatusCode::INTERNAL, "the certificate could not be signed"};
    }
    for (const auto& certificate : issued->chain) response->add_chain(certificate);
    response->set_roots(authority_.rootsBundle());
    ++issued_;
    tellForeignNames(*context, *caller, request->csr());
    spdlog::debug("issued a certificate for {}/{} to {}", caller->ns, caller->name, context->peer());
    return grpc::Status::OK;
  }

  [[nodiscard]] CertificateServiceStats stats() const {
    return {issued_.load(), unauthenticated_.load(), invalid_.load(), throttled_.load(), failed_.load()};
  }

 private:
  // A request may ask for any name; it gets the caller's. Only identities are repeated: other texts are the caller's own.
  static void tellForeignNames(const grpc::ServerContext& context, const ServiceAccount& caller,
                               const std::string& csr) {
    for (const auto& name : uriNamesOfCsr(csr)) {
      const auto id = SpiffeId::parse(name);
      if (!id || id->account == caller) continue;
      spdlog::warn(
          "certificate request of {}/{} from {} asks for {}: it was given its own identity, names in a request do not "
          "count; a workload that is to have that identity must run as service account {} in namespace {}",
          caller.ns, caller.name, context.peer(), id->toString(), id->account.name, id->account.ns);
      return;
    }
  }

  grpc::Status invalid(const grpc::ServerContext& context, const ServiceAccount& caller, const std::string& message) {
    ++invalid_;
    spdlog::warn("certificate request of {}/{} from {}: {}", caller.ns, caller.name, context.peer(), message);
    return {grpc::StatusCode::INVALID_ARGUMENT, message};
  }

  [[nodiscard]] tl::expected<ServiceAccount, grpc::Status> authenticate(const grpc::ServerContext& context,
                                                                        Time now) const {
    const auto refused = [](const std::string& message) {
      return tl::unexpected(grpc::Status(grpc::StatusCode::UNAUTHENTICATED, message));
    };
    const auto auth = context.auth_context();
    if (!auth || !isTls(*auth)) return refused("certificates are issued over TLS only");
    const auto& metadata = context.client_metadata();
    if (metadata.count("authorization") > 1) return refused("more than one authorization header");
    const auto header = metadata.find("authorization");
    if (header == metadata.end()) {
      if (!hasPeerCertificate(*auth)) return refused("no bearer token and no client certificate");
      const auto peer = verifiedPeer(*auth, authority_.roots(), authority_.trustDomain(), now);
      if (!peer) return refused(peer.error().message);
      if (!options_.certificateSuffices) {
        return refused("a certificate alone is not renewed here: show a token of " + peer->id.account.ns + "/" +
                       peer->id.account.name + " with audience " + std::string(kTokenAudience));
      }
      return peer->id.account;
    }
    const std::string_view value(header->second.data(), header->second.size());
    if (value.size() > kMaxTokenBytes + kBearer.size()) return refused("the token is larger than 16384 bytes");
    if (toLower(value.substr(0, kBearer.size())) != kBearer) return refused("authorization: expected a bearer token");
    if (tokens_ == nullptr) return refused("tokens are not accepted here");
    const auto account = tokens_->verify(trim(value.substr(kBearer.size())), now);
    if (!account) {
      if (account.error().kind == TokenError::Kind::rejected) return refused(account.error().message);
      return tl::unexpected(grpc::Status(grpc::StatusCode::UNAVAILABLE, account.error().message));
    }
    if (hasPeerCertificate(*auth)) {
      const auto peer = verifiedPeer(*auth, authority_.roots(), authority_.trustDomain(), now);
      if (!peer || peer->id.account != *account)
        return refused("the token and the client certificate differ in identity");
    }
    return *account;
  }

  const CertificateAuthority& authority_;
  TokenVerifier* const tokens_;
  const CertificateServiceOptions options_;
  const Clock clock_;
  RateLimiter limiter_;
  std::atomic<unsigned> inFlight_{0};
  std::atomic<std::uint64_t> issued_{0}, unauthenticated_{0}, invalid_{0}, throttled_{0}, failed_{0};
};

CertificateService::CertificateService(const CertificateAuthority& authority, TokenVerifier* tokens,
                                       CertificateServiceOptions options, Clock clock)
    : implementation_(std::make_unique<Implementation>(authority, tokens, options, std::move(clock))) {}
CertificateService::~CertificateService() = default;
grpc::Service& CertificateService::service() { return *implementation_; }
CertificateServiceStats CertificateService::stats() const { return implementation_->stats(); }

}  // namespace fairway::identity
