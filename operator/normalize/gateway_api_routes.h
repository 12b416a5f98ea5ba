#pragma once

#include <map>
#include <string>
#include <vector>

#include "normalize/queries.h"

// Routes of the Gateway API at gateways and in the mesh.
namespace fairway::normalize {

// True for the server of a listener of a Gateway of the Gateway API.
bool isKubernetesGateway(const model::GatewayServer& server);

// The virtual hosts of these servers' listeners, by domain. `all` are the gateway's servers: a host belongs to the
// listener of the port with the most specific hostname over it, and only routes that are attached there apply. Over TLS
// a host of another listener is answered with 421, as the client took a connection that was not made for it.
std::map<std::string, std::vector<model::HttpRoute>> kubernetesHttpRoutes(
    store::View& view, const GatewayRoutes& query, const std::vector<const model::GatewayServer*>& servers,
    const std::vector<model::GatewayServer>& all);

// TLSRoutes and TCPRoutes of one server, oldest first.
std::vector<model::L4Route> kubernetesTlsRoutes(store::View& view, const std::string& clientNs,
                                                const model::GatewayServer& server,
                                                const std::vector<model::GatewayServer>& all);
std::vector<model::L4Route> kubernetesTcpRoutes(store::View& view, const std::string& clientNs,
                                                const model::GatewayServer& server);

// The routes whose parent is the Service itself, for sidecars of a namespace. Where there are any, they alone decide:
// what none of them matches is a 404. Nothing if there are none.
std::vector<model::HttpRoute> meshHttpRoutes(store::View& view, const RoutesOf& query);

}  // namespace fairway::normalize
