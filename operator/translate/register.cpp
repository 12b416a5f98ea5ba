#include "translate/compute.h"

namespace fairway::translate {

void registerUnits(store::Catalogue& catalogue) {
  catalogue.add<ScopesOf>(computeScopes);
  catalogue.add<SidecarOutbound>(computeSidecarOutbound);
  catalogue.add<SidecarInbound>(computeSidecarInbound);
  catalogue.add<GatewayScope>(computeGatewayScope);
  catalogue.add<RateLimitServiceScope>(computeRateLimitServiceScope);

  catalogue.add<PortTable>(computePortTable);
  catalogue.add<OutboundPorts>(computeOutboundPorts);
  catalogue.add<PortHosts>(computePortHosts);
  catalogue.add<PortHostOf>(computePortHost);
  catalogue.add<HeadlessTable>(computeHeadlessTable);
  catalogue.add<HeadlessAddresses>(computeHeadlessAddresses);

  catalogue.add<Clusters>(computeClusters);
  catalogue.add<EndpointsUnit>(computeEndpoints);
  catalogue.add<AllMeshTls>(computeAllMeshTls);

  catalogue.add<OutboundPort>(computeOutboundPort);
  catalogue.add<TcpListeners>(computeTcpListeners);
  catalogue.add<RouteTable>(computeRouteTable);
  catalogue.add<VirtualHostUnit>(computeVirtualHost);

  catalogue.add<GatewayPorts>(computeGatewayPorts);
  catalogue.add<GatewayListener>(computeGatewayListener);
  catalogue.add<GatewayRouteTable>(computeGatewayRouteTable);
  catalogue.add<GatewayClusters>(computeGatewayClusters);
  catalogue.add<CredentialState>(computeCredentialState);
  catalogue.add<GatewaySecret>(computeGatewaySecret);
}

}  // namespace fairway::translate
