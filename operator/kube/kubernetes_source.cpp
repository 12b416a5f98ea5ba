#include "kube/kubernetes_source.h"

#include <utility>

#include "api/codec.h"
#include "kube/client.h"

namespace fairway::kube {

Selector selectorOf(api::Kind kind) {
  switch (kind) {
    case api::Kind::secret:
      return {.fields =
                  "type!=kubernetes.io/service-account-token,type!=helm.sh/release.v1,"
                  "type!=kubernetes.io/dockercfg,type!=kubernetes.io/dockerconfigjson,"
                  "type!=kubernetes.io/basic-auth,type!=kubernetes.io/ssh-auth,"
                  "type!=bootstrap.kubernetes.io/token",
              .labels = {},
              .ns = {}};
    case api::Kind::config_map:
      return {.fields = "metadata.name!=istio-ca-root-cert,metadata.name!=kube-root-ca.crt", .labels = {}, .ns = {}};
    case api::Kind::pod: return {.fields = "status.phase!=Succeeded,status.phase!=Failed", .labels = {}, .ns = {}};
    default: return {};
  }
}

KubernetesSource::KubernetesSource(std::unique_ptr<ApiServer> server, Sink& sink, FeedSettings settings,
                                   const std::set<api::Kind>& expected)
    : server_(std::move(server)) {
  for (const api::KindInfo& info : api::allKinds()) {
    settings.expected = expected.contains(info.kind);
    informers_.push_back(std::make_unique<Informer>(*server_, info, sink, selectorOf(info.kind), settings));
  }
}

// All are told to stop before the first is joined, so that the time to stop is not the sum.
KubernetesSource::~KubernetesSource() {
  for (const auto& informer : informers_) informer->requestStop();
}

void KubernetesSource::start() {
  for (const auto& informer : informers_) informer->start();
}

std::vector<FeedStatus> KubernetesSource::status() const {
  std::vector<FeedStatus> feeds;
  feeds.reserve(informers_.size());
  for (const auto& informer : informers_) feeds.push_back(informer->status());
  return feeds;
}

Result<std::unique_ptr<Source>> makeKubernetesSource(ClusterAccess access, Sink& sink, const std::string& userAgent,
                                                     const std::set<api::Kind>& expected) {
  ClientOptions options;
  options.userAgent = userAgent;
  auto client = makeClient(std::move(access), std::move(options));
  if (!client) return tl::unexpected(client.error());
  return std::make_unique<KubernetesSource>(std::move(*client), sink, FeedSettings{}, expected);
}

}  // namespace fairway::kube
