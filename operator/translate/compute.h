#pragma once

#include "translate/clusters.h"
#include "translate/gateway.h"
#include "translate/outbound.h"
#include "translate/ports.h"
#include "translate/scopes.h"
#include "translate/units.h"

// The functions behind the units. Each is pure: its result depends on what it reads through the View and
// on the query alone. Only register.cpp calls them.
namespace fairway::translate {

ScopesOf::Value computeScopes(store::View& view, const ScopesOf& query);
Output computeSidecarOutbound(store::View& view, const SidecarOutbound& query);
Output computeSidecarInbound(store::View& view, const SidecarInbound& query);
Output computeGatewayScope(store::View& view, const GatewayScope& query);
Output computeRateLimitServiceScope(store::View& view, const RateLimitServiceScope& query);

PortTable::Value computePortTable(store::View& view, const PortTable& query);
OutboundPorts::Value computeOutboundPorts(store::View& view, const OutboundPorts& query);
PortHosts::Value computePortHosts(store::View& view, const PortHosts& query);
PortHostOf::Value computePortHost(store::View& view, const PortHostOf& query);
HeadlessTable::Value computeHeadlessTable(store::View& view, const HeadlessTable& query);
HeadlessAddresses::Value computeHeadlessAddresses(store::View& view, const HeadlessAddresses& query);

Output computeHostClusters(store::View& view, const HostClusters& query);
Output computeClusters(store::View& view, const Clusters& query);
Output computeEndpoints(store::View& view, const EndpointsUnit& query);
AllMeshTls::Value computeAllMeshTls(store::View& view, const AllMeshTls& query);

Output computeOutboundPort(store::View& view, const OutboundPort& query);
Output computeEgressListener(store::View& view, const EgressListener& query);
Output computeTcpListeners(store::View& view, const TcpListeners& query);
Output computeRouteTable(store::View& view, const RouteTable& query);
Output computeVirtualHost(store::View& view, const VirtualHostUnit& query);

GatewayPorts::Value computeGatewayPorts(store::View& view, const GatewayPorts& query);
Output computeGatewayListener(store::View& view, const GatewayListener& query);
Output computeGatewayRouteTable(store::View& view, const GatewayRouteTable& query);
Output computeGatewayClusters(store::View& view, const GatewayClusters& query);
CredentialState::Value computeCredentialState(store::View& view, const CredentialState& query);
Output computeGatewaySecret(store::View& view, const GatewaySecret& query);

}  // namespace fairway::translate
