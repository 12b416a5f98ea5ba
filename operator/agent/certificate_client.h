#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace fairway::agent {

// What is asked of the control plane, and how the caller proves who it is: by one of the two.
struct CertificateWish {
  std::string csr;                   // PEM
  std::chrono::seconds validity{0};  // 0: the control plane's default
  std::optional<std::string> token;
  struct Credentials {
    std::string privateKey, certificateChain;  // PEM
  };
  std::optional<Credentials> certificate;
};

struct CertificateReply {
  std::vector<std::string> chain;  // PEM, leaf first
  std::string roots;               // PEM
  std::string trust = {};          // identity::TrustBundle as JSON; empty: the roots are all
};

struct CertificateFailure {
  enum class Kind {
    credentials,  // the control plane does not accept the proof; another one may do
    other,        // not reached, busy, or the request is refused
  };
  Kind kind = Kind::other;
  std::string message;
};

// Asks for certificates, one at a time. Blocks, for at most some seconds.
class CertificateClient {
 public:
  virtual ~CertificateClient() = default;
  [[nodiscard]] virtual tl::expected<CertificateReply, CertificateFailure> request(const CertificateWish& wish) = 0;
  // Makes the request under way, and all later ones, fail at once. From any thread.
  virtual void cancel() = 0;
};

struct ControlPlaneAddress {
  std::string target;      // host:port
  std::string serverName;  // that its certificate must have
  std::string rootFile;    // PEM; read for each request, so that new roots count at once
  std::chrono::milliseconds timeout = std::chrono::seconds(10);
};

// fairway.identity.v1.CertificateService over TLS. A connection for each request: they are hours apart.
std::unique_ptr<CertificateClient> certificateClient(ControlPlaneAddress address);

}  // namespace fairway::agent
