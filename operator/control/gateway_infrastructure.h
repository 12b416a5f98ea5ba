#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/writes.h"
#include "kube/mirror.h"
#include "model/gateway_status.h"

// What is made for Gateways of the Gateway API: a Deployment, a Service and a ServiceAccount each. Pure.
namespace fairway::control {

// The label of all that is made; what does not have it is never changed nor removed.
inline constexpr const char* kManagedLabel = "gateway.istio.io/managed";
inline constexpr const char* kManagedValue = "istio.io-gateway-controller";

struct GatewayInfrastructure {
  kube::Mirror::Objects deployments, services, accounts;  // those with the label, whole
};

// Creates what is missing, puts right what differs, and removes what belongs to no Gateway any more. `revision` is this
// control plane's: Gateways with another one's label istio.io/rev are left to that.
//
// The pods are the proxy that the injector's template `gateway` makes them. Who may write Gateways is not thereby allowed
// to write pods: labels and annotations of infrastructure that would tell the injector something do not reach them.
std::vector<Write> gatewayInfrastructureWrites(const std::vector<model::GatewayDeployment>& wanted,
                                               const GatewayInfrastructure& known, const std::string& revision);

// The GatewayClass `istio`, where there is none. What somebody made of it stays.
std::vector<Write> gatewayClassWrites(const kube::Mirror::Objects& classes, const std::string& version);

}  // namespace fairway::control
