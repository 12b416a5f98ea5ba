#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/certificate_client.h"
#include "agent/secrets.h"
#include "agent/trust_file.h"
#include "identity/spiffe.h"

namespace fairway::agent {

struct CertificateManagerOptions {
  identity::SpiffeId id;  // that the certificate must name
  std::string tokenFile;  // read for each request; may be missing or expired while the certificate is valid
  std::string rootFile;   // see TrustFile; empty: what is trusted changes only with the certificate
  std::chrono::seconds validity{0};
  std::chrono::milliseconds firstBackoff{500};
  std::chrono::milliseconds maxBackoff{60'000};
};

// Keeps the workload's certificate valid: makes a new key for each certificate (it never leaves the process but to
// Envoy), has it signed, publishes both, and renews them around half their life. Failures are retried with growing,
// jittered pauses, while the last certificate stays published.
class CertificateManager {
 public:
  using Time = std::chrono::system_clock::time_point;
  using Publish = std::function<void(const Secrets&)>;
  // `random` gives numbers in [0, 1). The client must outlive the manager. `publish` is called by whoever calls step().
  CertificateManager(CertificateManagerOptions options, CertificateClient& client, Publish publish,
                     std::function<double()> random);
  ~CertificateManager();  // stops

  // Tries once to get a certificate; returns when to call again. What start() does in a thread; tests call it with
  // times of their own.
  Time step(Time now);

  // Publishes the secrets anew if what is to be trusted has changed. True if it did.
  bool refreshTrust();

  // Runs step() and refreshTrust() in a thread until stop().
  void start();
  void stop();

  struct Status {
    std::uint64_t issued = 0;
    std::uint64_t failures = 0;  // in all
    std::string problem;         // of the last attempt; empty if it succeeded
    std::optional<Time> notAfter;
    std::optional<Time> rootsNotAfter;  // of the first root that ends
  };
  [[nodiscard]] Status status() const;

 private:
  [[nodiscard]] tl::expected<CertificateReply, CertificateFailure> ask(CertificateWish wish, Time now);
  [[nodiscard]] Result<Secrets> obtain(Time now);
  [[nodiscard]] bool hasValidCertificate(Time now) const { return current_ && now < current_->notAfter; }
  void run();

  const CertificateManagerOptions options_;
  CertificateClient& client_;
  const Publish publish_;
  const std::function<double()> random_;
  std::optional<TrustFile> trustFile_;  // these are used by step() and refreshTrust() only
  std::optional<Secrets> current_;
  unsigned attempt_ = 0;  // failures in a row

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  Status status_;          // guarded by mutex_
  std::thread thread_;
};

}  // namespace fairway::agent
