#pragma once

#include <map>
#include <string>
#include <vector>

#include "api/ingress.h"
#include "model/traffic.h"
#include "store/view.h"

// The rules of Ingress objects as routes.
namespace fairway::normalize {

// The routes of each domain that the hosts of a server (as in model::GatewayServer::Host::dns) and of the rules have in
// common. Within a domain rules for it come before those for wildcards, longer paths before shorter ones, exact ones
// before prefixes, and then those of older objects; default backends last. What can get no request is left out, with
// a note.
std::map<std::string, std::vector<model::HttpRoute>> ingressRoutes(store::View& view,
                                                                   const std::vector<const api::Ingress*>& ingresses,
                                                                   const std::vector<std::string>& serverHosts);

// Puts an Ingress's routes behind those that VirtualServices have for the same domain, but before their catch-all: of
// two catch-alls that of the VirtualService counts.
void appendIngressRoutes(store::View& view, std::vector<model::HttpRoute>& routes, std::vector<model::HttpRoute> more);

}  // namespace fairway::normalize
