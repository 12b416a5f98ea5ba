#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "analyze/world.h"
#include "api/networking.h"
#include "model/service.h"

// What several checks ask about VirtualServices.
namespace fairway::analyze {

// Each destination of a VirtualService with the path of its field: of routes (http, tls, tcp) and of mirrors.
struct DestinationAt {
  const api::Destination& destination;
  std::string field;
  bool mirror = false;
  std::int32_t weight = 0;
  bool only = false;  // the route has no other destination
};
void eachDestination(const api::VirtualService& object, const std::function<void(const DestinationAt&)>& visit);

// The gateways it is for, resolved: "mesh" or "ns/name".
std::vector<std::string> gatewaysOf(const api::VirtualService& object);
bool isForMesh(const api::VirtualService& object);

// What has the host (as resolved) in the registry; null if nothing has.
const model::Service* serviceOf(const World& world, const std::string& host);

// "http[0]", "tls[1]": the path of a rule without "spec.".
std::string ruleText(const std::string& list, std::size_t index);

}  // namespace fairway::analyze
