#pragma once

#include <map>
#include <string>
#include <vector>

#include "control/status_writer.h"
#include "kube/mirror.h"

// The addresses of Ingresses that this mesh serves: `status.loadBalancer.ingress`. Pure.
namespace fairway::control {

// What Mirrors keep of Ingress, IngressClass and Service; null for Services that are no ingress gateway's, which is to
// say that do not select `istio: ingressgateway`.
nlohmann::json keepIngress(const nlohmann::json& object);         // {"annotation", "class", "addresses"}
nlohmann::json keepIngressClass(const nlohmann::json& object);    // {"controller"}
nlohmann::json keepGatewayService(const nlohmann::json& object);  // {"addresses": ["192.0.2.1", "lb.example.org"]}

// True if the Ingress is for this mesh: its annotation `kubernetes.io/ingress.class` is `istio`; or it has none, and
// the controller of its class is `istio.io/ingress-controller`.
bool isOurIngress(const nlohmann::json& ingress, const kube::Mirror::Objects& classes);

// Tells the writer what the status of each Ingress of ours is and has to be: the addresses under which the gateways'
// Services are reached from outside (their load balancers' and their external IPs), in order. A Service of type
// NodePort or ClusterIP has none. `told` are the targets of the call before, and then those of this one.
void tellIngressStatuses(const kube::Mirror::Objects& ingresses, const kube::Mirror::Objects& classes,
                         const kube::Mirror::Objects& services, StatusWriter& writer, std::vector<StatusTarget>& told);

}  // namespace fairway::control
