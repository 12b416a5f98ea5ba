#pragma once

#include <vector>

#include "api/ingress.h"
#include "model/traffic.h"
#include "store/view.h"

// Kubernetes Ingress as another way to write Gateways: which of them are served here, and by what servers.
namespace fairway::normalize {

// The Ingress objects that a gateway workload with these labels serves, oldest first. Classes as in Istio:
// the annotation kubernetes.io/ingress.class names the mesh's class, or spec.ingressClassName an IngressClass of our
// controller; without either it depends on the mesh's ingressControllerMode.
std::vector<const api::Ingress*> servedIngresses(store::View& view, const model::Labels& labels);

// Port 80 for plain HTTP, and port 443 for each entry of spec.tls, with the secret of that name in the gateway's own
// namespace.
std::vector<model::GatewayServer> serversOf(store::View& view, const api::Ingress& ingress);

}  // namespace fairway::normalize
