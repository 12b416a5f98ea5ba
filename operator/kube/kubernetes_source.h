#pragma once

#include <map>
#include <memory>
#include <set>
#include <vector>

#include "base/result.h"
#include "kube/api_server.h"
#include "kube/informer.h"
#include "kube/kubeconfig.h"
#include "kube/source.h"

namespace fairway::kube {

// What of each kind is asked for:
// - Secrets: not those of types that hold no certificate (service-account tokens, Helm releases, registry, basic-auth,
//   ssh and bootstrap credentials). TLS secrets and Opaque ones, which gateways may name too, remain.
// - Pods: not those that have ended; they have no address any more.
// - ConfigMaps: not those that are in every namespace. Any other may hold CA certificates that a policy names.
// - Everything of the other kinds.
Selector selectorOf(api::Kind kind);

// All kinds of one API server, each over an informer with a thread of its own. Of `expected` kinds the sink may hold
// objects already.
class KubernetesSource final : public Source {
 public:
  KubernetesSource(std::unique_ptr<ApiServer> server, Sink& sink, FeedSettings settings = {},
                   const std::set<api::Kind>& expected = {});
  ~KubernetesSource() override;

  void start() override;
  [[nodiscard]] std::vector<FeedStatus> status() const override;

 private:
  std::unique_ptr<ApiServer> server_;
  std::vector<std::unique_ptr<Informer>> informers_;
};

// The source that `access` describes; see loadKubeconfig() and inClusterAccess(). Does not connect yet.
Result<std::unique_ptr<Source>> makeKubernetesSource(ClusterAccess access, Sink& sink, const std::string& userAgent,
                                                     const std::set<api::Kind>& expected = {});

}  // namespace fairway::kube
