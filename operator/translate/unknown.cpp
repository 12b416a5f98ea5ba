#include "translate/unknown.h"

#include "normalize/queries.h"
#include "normalize/sidecars.h"
#include "translate/names.h"

namespace fairway::translate {

std::string clusterForUnknown(store::View& view, const model::Client& client) {
  using Outbound = model::MeshSettings::Outbound;
  auto outbound = view.ask(normalize::MeshSettingsOf{}).outbound;
  if (!client.sidecar.empty()) {
    const auto& sidecar = view.ask(normalize::SidecarOf{client.ns, client.sidecar});
    if (sidecar && sidecar->outbound) outbound = *sidecar->outbound;
    if (sidecar && sidecar->egressProxy && outbound == Outbound::allow_any) {
      const auto& proxy = *sidecar->egressProxy;
      return clusterName(proxy.port, proxy.subset, proxy.host);
    }
  }
  return std::string(outbound == Outbound::registry_only ? kBlackHoleCluster : kPassthroughCluster);
}

std::string bindOf(const model::Sidecar::Egress& listener) {
  return listener.bind.empty() ? std::string("127.0.0.1") : listener.bind;
}

}  // namespace fairway::translate
