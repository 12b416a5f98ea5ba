#include "translate/compute.h"
#include "translate/output_units.h"
#include "translate/patches.h"

namespace fairway::translate {

namespace {

template <class Query>
void add(store::Catalogue& catalogue, typename Query::Value (*function)(store::View&, const Query&)) {
  static_assert(!std::is_same_v<typename Query::Value, Output> || OutputUnits::has<Query>(),
                "name it in translate/output_units.h: patches reach only units that are there");
  catalogue.add<Query>(function);
}

}  // namespace

void registerUnits(store::Catalogue& catalogue) {
  add<ScopesOf>(catalogue, computeScopes);
  add<SidecarOutbound>(catalogue, computeSidecarOutbound);
  add<SidecarInbound>(catalogue, computeSidecarInbound);
  add<GatewayScope>(catalogue, computeGatewayScope);
  add<RateLimitServiceScope>(catalogue, computeRateLimitServiceScope);

  add<PortTable>(catalogue, computePortTable);
  add<OutboundPorts>(catalogue, computeOutboundPorts);
  add<PortHosts>(catalogue, computePortHosts);
  add<PortHostOf>(catalogue, computePortHost);
  add<HeadlessTable>(catalogue, computeHeadlessTable);
  add<HeadlessAddresses>(catalogue, computeHeadlessAddresses);

  add<HostClusters>(catalogue, computeHostClusters);
  add<Clusters>(catalogue, computeClusters);
  add<EndpointsUnit>(catalogue, computeEndpoints);
  add<AllMeshTls>(catalogue, computeAllMeshTls);

  add<OutboundPort>(catalogue, computeOutboundPort);
  add<EgressListener>(catalogue, computeEgressListener);
  add<TcpListeners>(catalogue, computeTcpListeners);
  add<RouteTable>(catalogue, computeRouteTable);
  add<VirtualHostUnit>(catalogue, computeVirtualHost);

  add<GatewayPorts>(catalogue, computeGatewayPorts);
  add<GatewayListener>(catalogue, computeGatewayListener);
  add<GatewayRouteTable>(catalogue, computeGatewayRouteTable);
  add<GatewayClusters>(catalogue, computeGatewayClusters);
  add<CredentialState>(catalogue, computeCredentialState);
  add<GatewaySecret>(catalogue, computeGatewaySecret);

  add<PatchesOf>(catalogue, computePatches);
  add<PatchChecks>(catalogue, computePatchChecks);
  add<PatchList>(catalogue, computePatchList);
  add<Patched>(catalogue, computePatched);
  add<PatchAdditions>(catalogue, computePatchAdditions);
  add<BootstrapPatches>(catalogue, computeBootstrapPatches);
}

}  // namespace fairway::translate
