#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "identity/ca_material.h"
#include "identity/trust.h"

namespace fairway::identity {

struct AuthorityOptions {
  std::string stateDir;
  // Folder of a CA that somebody else made (see CaFiles). Empty: `<state>/ca`, where a root is made if there is none.
  std::string caDir;
  std::string trustDomain = "cluster.local";
  std::chrono::seconds rootValidity = std::chrono::hours(24 * 3650);
  std::chrono::seconds defaultTtl = std::chrono::hours(24);   // of workload certificates, when none is asked for
  std::chrono::seconds maxTtl = std::chrono::hours(24 * 90);  // longer wishes are refused
  std::chrono::seconds serverTtl = std::chrono::hours(24 * 7);
  // How long a new root is trusted before anything is signed under it.
  std::chrono::seconds rotationDelay = std::chrono::minutes(5);
  // How long a root that is no longer named stays trusted after the last signature under it. Unset: maxTtl.
  std::optional<std::chrono::seconds> overlap;
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

// Where a state directory holds the CA.
std::string authorityDirectory(const std::string& stateDir);
std::string authorityKeyFile(const std::string& stateDir);
std::string authorityCertificateFile(const std::string& stateDir);
std::string authorityRootsFile(const std::string& stateDir);  // the roots bundle
std::string authorityCrlFile(const std::string& stateDir);

// A new self-made root: ca-cert.pem and ca-key.pem. With `before`, the files of the CA that it takes the place of, also
// root-cert.pem, which names its issuer's root beside the new one.
Result<CaFiles> makeRoot(const std::string& trustDomain, std::chrono::seconds validity, const CaFiles& before,
                         Time now);

// The mesh's certificate authority. Its state directory holds
//   ca/                  the CA's files, mode 0600: a self-made root, or a copy of what a Secret holds
//   ca/authority.json    what signs now, and roots that stay trusted for a while; mode 0600
//   server.pem           key and chain of the control plane's own certificate in one file, so that a reader never sees a
//                        key without its certificate; mode 0600
//   root.pem, ca-crl.pem the roots bundle and, if there are any, revocation lists, for agents on the same machine; 0644
// Thread-safe. Time comes in as an argument.
//
// Rotation: a CA that is offered while another one signs is trusted at once and signs `rotationDelay` after that, when its
// roots are everywhere. What it takes the place of stays trusted until all that it signed has expired.
class CertificateAuthority {
 public:
  // Loads the CA, or makes a root where there is none, and brings the files up to date. Fails, touching nothing, on a key
  // that group or others can read and on what parseCaFiles() refuses.
  static Result<std::unique_ptr<CertificateAuthority>> open(AuthorityOptions options, Time now);

  // The validity that a wish leads to: zero means the default; longer than the maximum fails.
  [[nodiscard]] Result<std::chrono::seconds> ttlFor(std::chrono::seconds wish) const;
  // A certificate for the service account in our trust domain, which ends with the CA at the latest. `ttl`: a wish;
  // `description`: see issueWorkload().
  [[nodiscard]] Result<IssuedCertificate> sign(const PublicKey& key, const ServiceAccount& account,
                                               std::chrono::seconds ttl, Time now,
                                               const std::string& description = {}) const;

  // What is to be trusted now.
  [[nodiscard]] TrustPtr trust() const;
  [[nodiscard]] std::string rootsBundle() const { return trust()->rootsPem; }
  [[nodiscard]] std::vector<Certificate> roots() const { return trust()->roots; }
  [[nodiscard]] const std::string& trustDomain() const { return options_.trustDomain; }
  // When what signs ends, and with it everything.
  [[nodiscard]] Time expires() const;
  // When the first root of what signs ends.
  [[nodiscard]] Time rootExpires() const;
  // When the control plane's own certificate ends.
  [[nodiscard]] Time serverExpires() const;
  struct State {
    std::string issuer;              // subject of what signs
    std::string pending;             // of what is to sign next; empty: nothing
    std::optional<Time> pendingDue;  // when
    std::size_t retained = 0;        // CAs that stay trusted for a while
    std::optional<Time> crlExpires;  // the first end of a revocation list
  };
  [[nodiscard]] State state() const;

  // Files of the CA have changed, or not: the same ones change nothing. A failure means that they cannot be used, and
  // that all stays as it is.
  Result<void> offer(const CaFiles& files, Time now);
  // Lets an offered CA sign once its time has come, and forgets what has expired. Cheap: call it every second or so.
  Result<void> tick(Time now);
  // Replaces the control plane's own certificate (with a new key) once half its life is over, when its names or its CA
  // have changed or its file is gone or broken. True if it did. Call it every few minutes.
  Result<bool> renewIfDue(Time now);

  [[nodiscard]] std::string caDirectory() const;
  // The CA's files are the state directory's: they must be private.
  [[nodiscard]] bool ownsCa() const { return options_.caDir.empty(); }
  [[nodiscard]] std::string serverFile() const { return options_.stateDir + "/server.pem"; }
  [[nodiscard]] std::string rootsFile() const { return authorityRootsFile(options_.stateDir); }

 private:
  CertificateAuthority(AuthorityOptions options, CaMaterial active);
  // These require mutex_.
  Result<void> publish(TrustInputs inputs, Time now);
  [[nodiscard]] Time dueOf(const CaMaterial& pending) const;
  Result<void> activate(Time now);
  Result<bool> renewServer(Time now);
  [[nodiscard]] bool serverIsCurrent(Time now);

  const AuthorityOptions options_;
  mutable std::mutex mutex_;
  // All below is guarded by mutex_.
  TrustInputs inputs_;
  TrustPtr trust_;
  std::map<std::string, Time> trustedSince_;  // roots, as PEM
  Time serverExpires_;
};

}  // namespace fairway::identity
