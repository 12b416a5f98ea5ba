#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "base/result.h"
#include "control/ca_secret.h"
#include "control/elector.h"
#include "control/membership.h"
#include "control/registrar.h"
#include "control/status_writer.h"
#include "control/writers.h"
#include "kube/api_server.h"
#include "kube/kubeconfig.h"

namespace fairway::cli {

struct ClusterMemberOptions {
  std::string revision;       // "default" or a name
  std::string rootNamespace;  // of the CA's Secret
  std::string pod, ns;        // of this replica; without a pod name it is a guest: no leases, no writes but the Secret
  std::string userAgent;
};

// Of an object of a custom kind, in the version that is preferred.
[[nodiscard]] control::StatusTarget statusTarget(api::Kind kind, const api::NamespacedName& name);

// This process as one of the replicas of a control plane in a cluster: the root they share, the leader among them, what
// the leader writes, the balance of streams.
class ClusterMember {
 public:
  // Does not connect yet.
  static Result<std::unique_ptr<ClusterMember>> create(const kube::ClusterAccess& access, ClusterMemberOptions options);
  ~ClusterMember();  // leave()

  // See control::openSharedAuthority; the last two as in CaSecretAccess.
  Result<std::unique_ptr<identity::CertificateAuthority>> openAuthority(
      const identity::AuthorityOptions& authority, bool ownRootSuffices,
      std::function<bool(std::chrono::milliseconds)> wait);

  struct Parts {
    std::function<control::TrustTexts()> trust;                            // from any thread
    std::function<std::shared_ptr<const model::GatewayApi>()> gatewayApi;  // the same; see control::WritersOptions
    std::function<std::optional<bool>()> workloadGroups;                   // the same; see control::RegistrarOptions
    control::CaSecretWatch::Offer offerCa;  // of the Secret's files; empty: they do not count
    std::function<bool()> ready;
    std::function<std::size_t()> streams;
    std::function<std::size_t(std::size_t count, std::chrono::milliseconds over)> shed;
  };
  // Takes part from now on. What `parts` call stays valid until leave() has returned.
  void join(Parts parts);
  // Gives back the leadership and takes part no more. Waits for that, some seconds if the API server is away.
  void leave();

  // Where machines register themselves; null for a guest. What is told before join() is answered after it.
  [[nodiscard]] MachineRegistry* machines() { return registrar_.get(); }
  // Where those who compute statuses put them, and whether they are written by this replica now.
  [[nodiscard]] control::StatusTable& statuses() { return statuses_; }
  [[nodiscard]] bool writesStatuses() const;
  // To and from the other replicas of this revision; see control::Membership.
  void tell(const std::string& report);
  [[nodiscard]] std::optional<std::vector<std::string>> reports() const;

  struct State {
    bool leading = false;
    std::string leader;  // pod name; empty: nobody, or not known
    std::size_t replicas = 1;
    bool rootCurrent = true;  // see control::CaSecretWatch
  };
  [[nodiscard]] State state() const;  // from any thread

 private:
  ClusterMember(ClusterMemberOptions options, std::unique_ptr<kube::ApiServer> server,
                std::unique_ptr<kube::ApiServer> quick);

  const ClusterMemberOptions options_;
  std::unique_ptr<kube::ApiServer> server_;
  std::unique_ptr<kube::ApiServer> quick_;  // for leases: gives up before they run out
  control::StatusTable statuses_;
  std::function<std::optional<bool>()> workloadGroups_;  // of join(), before the registrar starts
  std::unique_ptr<control::Registrar> registrar_;
  mutable std::mutex mutex_;  // guards the pointers below against state()
  std::unique_ptr<control::CaSecretWatch> rootWatch_;
  std::unique_ptr<control::Writers> writers_;  // while leading; of the elector's thread
  std::unique_ptr<control::Elector> elector_;
  std::unique_ptr<control::Membership> membership_;
};

}  // namespace fairway::cli
