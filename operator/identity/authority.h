#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "identity/issue.h"

namespace fairway::identity {

struct AuthorityOptions {
  std::string stateDir;
  std::string trustDomain = "cluster.local";
  std::chrono::seconds rootValidity = std::chrono::hours(24 * 3650);
  std::chrono::seconds defaultTtl = std::chrono::hours(24);  // of workload certificates, when none is asked for
  std::chrono::seconds maxTtl = std::chrono::hours(24);      // longer wishes are cut to it
  std::chrono::seconds serverTtl = std::chrono::hours(24 * 7);
  // Names of the control plane's own certificate, by which proxies and agents reach it.
  ServerNames serverNames{{"istiod.istio-system.svc", "istiod.istio-system", "istiod.istio-system.svc.cluster.local",
                           "fairway.istio-system.svc", "localhost"},
                          {"127.0.0.1", "::1"}};
};

// What a workload gets: PEM certificates, the leaf first, then intermediates; the root is not among them.
struct IssuedCertificate {
  std::vector<std::string> chain;
  Time notAfter;
};

// Where a state directory holds the root.
std::string authorityDirectory(const std::string& stateDir);
std::string authorityKeyFile(const std::string& stateDir);
std::string authorityCertificateFile(const std::string& stateDir);
std::string authorityRootsFile(const std::string& stateDir);  // the roots bundle

// The mesh's certificate authority. Its state directory holds
//   ca/ca-key.pem, ca/ca-cert.pem  the self-made root, mode 0600
//   server.pem                     key and chain of the control plane's own certificate in one file, so that a reader
//                                  never sees a key without its certificate; mode 0600
//   root.pem                       the roots bundle, for agents on the same machine; mode 0644
// Thread-safe. Time comes in as an argument.
class CertificateAuthority {
 public:
  // Loads the root, or makes one where there is none, and brings server.pem and root.pem up to date. Fails, touching
  // nothing, on a key that group or others can read, a key that is not the certificate's, a root of another trust
  // domain and an expired root.
  static Result<std::unique_ptr<CertificateAuthority>> open(AuthorityOptions options, Time now);

  // A certificate for the service account in our trust domain. `ttl` zero means the default.
  [[nodiscard]] Result<IssuedCertificate> sign(const PublicKey& key, const ServiceAccount& account,
                                               std::chrono::seconds ttl, Time now) const;
  // PEM of the roots to trust.
  [[nodiscard]] const std::string& rootsBundle() const { return rootsPem_; }
  [[nodiscard]] const std::vector<Certificate>& roots() const { return roots_; }
  [[nodiscard]] const std::string& trustDomain() const { return options_.trustDomain; }
  // When the root ends, and with it everything.
  [[nodiscard]] Time expires() const { return issuer_.certificate.notAfter(); }
  // When the control plane's own certificate ends.
  [[nodiscard]] Time serverExpires() const;

  // Replaces the control plane's own certificate (with a new key) once half its life is over, when its names have
  // changed or its file is gone or broken. True if it did. Call it every few minutes.
  Result<bool> renewIfDue(Time now);

  [[nodiscard]] std::string serverFile() const { return options_.stateDir + "/server.pem"; }
  [[nodiscard]] std::string rootsFile() const { return authorityRootsFile(options_.stateDir); }

 private:
  CertificateAuthority(AuthorityOptions options, Issuer issuer);
  [[nodiscard]] bool serverIsCurrent(Time now);

  const AuthorityOptions options_;
  const Issuer issuer_;
  const std::vector<Certificate> roots_;
  const std::string rootsPem_;
  mutable std::mutex mutex_;
  Time serverExpires_;  // guarded by mutex_
};

}  // namespace fairway::identity
