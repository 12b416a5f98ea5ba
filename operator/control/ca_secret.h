#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "identity/authority.h"
#include "kube/api_server.h"
#include "kube/mirror.h"

// The CA that all replicas share: the Secret `cacerts`, which somebody else made (a plug-in CA), else `istio-ca-secret`,
// which the first replica makes with a root of its own. Names and keys are Istio's.
namespace fairway::control {

inline constexpr const char* kPluginCaSecret = "cacerts";
inline constexpr const char* kCaSecret = "istio-ca-secret";

// The files of a Secret as the API server gives it; no entries for keys that are missing.
identity::CaFiles caFilesOf(const nlohmann::json& secret);
// The Secret with these files.
std::string caSecretJson(const std::string& ns, const std::string& name, const identity::CaFiles& files);

struct CaSecretAccess {
  kube::ApiServer& server;
  std::string ns;
  // Waits before another attempt while the API server cannot be reached; false: give up.
  std::function<bool(std::chrono::milliseconds)> wait;
  // The CA that the state directory holds is used while the API server cannot be reached, instead of waiting.
  bool ownRootSuffices = false;
};

// The authority with the CA of the Secret, which is copied into the state directory. Where there is no Secret, the
// state directory's root, or a new one, goes into it; of several replicas that try so at once, one wins and the others
// take its root. Fails, and writes nothing, if the Secret is broken, expired or not of the trust domain, or RBAC forbids
// to read or make it. Blocks while the API server cannot be reached, unless `ownRootSuffices` and there is one: it is the
// Secret's as of the last start, and CaSecretWatch brings what has changed since.
Result<std::unique_ptr<identity::CertificateAuthority>> openSharedAuthority(const CaSecretAccess& access,
                                                                            const identity::AuthorityOptions& options,
                                                                            identity::Time now);

// Writes the files into the state directory, for a start without API server, and removes those of an earlier CA.
Result<void> keepCaFiles(const std::string& stateDir, const identity::CaFiles& files);

// Watches the Secrets and hands on what they hold, each content once. A Secret that cannot be used, or is gone, is told of;
// the CA in use stays then.
class CaSecretWatch {
 public:
  // A failure says why the files cannot be used.
  using Offer = std::function<Result<void>(const identity::CaFiles&)>;
  CaSecretWatch(kube::ApiServer& server, const std::string& ns, Offer offer);

  void start();
  // From any thread. False if the Secret is known to be gone or to hold what cannot be used.
  [[nodiscard]] bool current() const { return current_; }

 private:
  kube::Mirror::Options mirror(const char* name);
  void look();

  const std::string ns_;
  const Offer offer_;
  std::atomic<bool> current_{true};
  std::mutex mutex_;  // one look at a time; guards what follows
  std::string source_;
  identity::CaFiles files_;
  kube::Mirror plugin_, own_;  // last: their threads call look()
};

}  // namespace fairway::control
