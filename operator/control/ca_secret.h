#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "identity/authority.h"
#include "kube/api_server.h"
#include "kube/mirror.h"

// The root that all replicas share: a Secret with the keys `ca-cert.pem` and `ca-key.pem`, as Istio's.
namespace fairway::control {

inline constexpr const char* kCaSecret = "istio-ca-secret";

struct CaSecretAccess {
  kube::ApiServer& server;
  std::string ns;
  // Waits before another attempt while the API server cannot be reached; false: give up.
  std::function<bool(std::chrono::milliseconds)> wait;
  // The root that the state directory holds is used while the API server cannot be reached, instead of waiting.
  bool ownRootSuffices = false;
};

// The authority with the root of the Secret, which is copied into the state directory. Where there is no Secret, the
// state directory's root, or a new one, goes into it; of several replicas that try so at once, one wins and the others
// take its root. Fails, and writes nothing, if the Secret is broken, expired or not of the trust domain, or RBAC forbids
// to read or make it. Blocks while the API server cannot be reached, unless `ownRootSuffices` and there is one: it is the
// Secret's as of the last start, and CaSecretWatch tells when it no longer is.
Result<std::unique_ptr<identity::CertificateAuthority>> openSharedAuthority(const CaSecretAccess& access,
                                                                            const identity::AuthorityOptions& options,
                                                                            identity::Time now);

// Watches the Secret, and tells the log when its root is no longer the one in use: that takes a restart.
class CaSecretWatch {
 public:
  CaSecretWatch(kube::ApiServer& server, const std::string& ns, const std::string& rootsPem);

  void start() { mirror_.start(); }
  // From any thread. False if the Secret is known to be gone or to hold another root.
  [[nodiscard]] bool current() const { return current_; }

 private:
  void look();

  const std::string ns_, rootsPem_;
  std::atomic<bool> current_{true};
  kube::Mirror mirror_;
};

}  // namespace fairway::control
