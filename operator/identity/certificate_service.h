#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "identity/authority.h"
#include "identity/tokens.h"

namespace grpc {
class Service;
}

namespace fairway::identity {

// Counters of the certificate service since start.
struct CertificateServiceStats {
  std::uint64_t issued = 0;
  std::uint64_t unauthenticated = 0;  // no, bad or expired credentials, or a connection without TLS
  std::uint64_t invalid = 0;          // a request that cannot be served: CSR or validity
  std::uint64_t throttled = 0;        // too many at once, from one address, or of pods nobody has told of yet
  std::uint64_t failed = 0;           // our own fault, or the token could not be checked
  std::uint64_t unreadable = 0;       // of `invalid`: what is no request for a certificate
  std::uint64_t unsigned_ = 0;        // of `failed`: the signature
};

struct CertificateServiceOptions {
  unsigned maxConcurrent = 64;  // further calls are told RESOURCE_EXHAUSTED; checking tokens may block
  double perSecond = 50;        // calls a second from one address, on average
  double burst = 200;           // and at once
  // A pod may ask before the watch has told of it: so many callers are kept waiting at once, each for so long, each
  // holding a thread. Further ones, and a second call of a pod that waits already, are told UNAVAILABLE.
  unsigned maxWaiting = 8;
  std::chrono::milliseconds podWait{1000};
  // A caller may renew by its certificate alone. False where tokens can always be had: else an account that is deleted
  // could be renewed for ever.
  bool certificateSuffices = true;
};

// The gRPC service fairway.identity.v1.CertificateService. The names in a certificate are those of the authenticated
// caller; a request's own names are never looked at. A caller with a token is who the token says; if it shows a
// certificate as well, both must name the same account.
// The server should ask for client certificates and verify them; the service does not depend on the latter, and checks
// the chain again.
class CertificateService {
 public:
  using Clock = std::function<Time()>;
  // References must outlive it. `tokens` may be null: then only certificates count.
  CertificateService(const CertificateAuthority& authority, TokenVerifier* tokens,
                     CertificateServiceOptions options = {}, Clock clock = std::chrono::system_clock::now);
  ~CertificateService();

  // For grpc::ServerBuilder::RegisterService.
  [[nodiscard]] grpc::Service& service();
  [[nodiscard]] CertificateServiceStats stats() const;
  // What callers are told to trust beside the roots: TrustBundle as JSON. From any thread.
  void setTrust(std::string text);
  // What the CA says about a caller beside its identity: the subject's description (base/workload_labels.h); nothing: it
  // knows nothing, although it waited so long for the caller's pod. Called on the server's threads. From any thread.
  using Describe = std::function<std::optional<std::string>(const Caller& caller, std::chrono::milliseconds wait)>;
  void describeCallers(Describe describe);
  // Called with the address (gRPC's text) of each caller that proved who it is, on the server's threads. From any thread.
  void onAuthenticated(std::function<void(const std::string& peer)> known);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace fairway::identity
