#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/common.h"

// What the leader writes about objects of the Gateway API, and what it makes for Gateways.
namespace fairway::model {

struct StatusCondition {
  std::string type;
  bool holds = false;
  std::string reason, message;
  bool operator==(const StatusCondition&) const = default;
};
using StatusConditions = std::vector<StatusCondition>;

// The status of one object, as far as it is ours to say.
struct GatewayApiStatus {
  struct Address {
    std::string type, value;
    bool operator==(const Address&) const = default;
  };
  struct Listener {
    std::string name;
    std::vector<std::string> kinds;  // of routes
    std::uint32_t attachedRoutes = 0;
    StatusConditions conditions;
    bool operator==(const Listener&) const = default;
  };
  // An object that a route is attached to, or that a policy has an effect on.
  struct Parent {
    std::string group, kind, ns, name, sectionName;  // as the user wrote them; empty: left out
    std::uint32_t port = 0;                          // 0: left out
    std::string controller;
    StatusConditions conditions;
    bool operator==(const Parent&) const = default;
  };
  std::string kind, ns, name;  // "HTTPRoute"
  std::int64_t generation = 0;
  StatusConditions conditions;        // GatewayClass, Gateway
  std::vector<std::string> features;  // GatewayClass; sorted
  std::vector<Address> addresses;     // Gateway
  std::vector<Listener> listeners;    // Gateway
  std::vector<Parent> parents;        // the rest
  bool operator==(const GatewayApiStatus&) const = default;
};

// What is made for a Gateway that names no pods of its own: a Deployment, a Service and a ServiceAccount of one name.
struct GatewayDeployment {
  struct Port {
    std::string name;
    std::uint32_t number = 0;
    bool operator==(const Port&) const = default;
  };
  std::string ns, gateway, uid, name;
  std::string revision;        // the label istio.io/rev of the Gateway; empty: none
  Labels labels, annotations;  // of all that is made
  std::string serviceType = "LoadBalancer";
  std::string loadBalancerIp;  // that is asked for; empty: any
  std::vector<Port> ports;
  bool operator==(const GatewayDeployment&) const = default;
};

struct GatewayApi {
  std::vector<GatewayApiStatus> statuses;
  std::vector<GatewayDeployment> deployments;
  bool operator==(const GatewayApi&) const = default;
};

}  // namespace fairway::model
