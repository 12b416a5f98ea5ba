#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "control/writes.h"
#include "kube/mirror.h"
#include "model/gateway_status.h"

// The statuses of Gateway API objects. Pure.
namespace fairway::control {

// What a Mirror keeps of any of the kinds: {"version", "generation", "status"}.
nlohmann::json keepGatewayApi(const nlohmann::json& object);

// What is there of one kind.
struct GatewayApiObjects {
  std::string version;  // that the API server serves, and is written to
  kube::Mirror::Objects objects;
};

// The status with what we have to say in it. What others said stays: conditions of other types, parents and ancestors of
// other controllers. A condition whose status is the same keeps its lastTransitionTime.
nlohmann::json gatewayApiStatus(const model::GatewayApiStatus& wanted, const nlohmann::json& known,
                                const std::string& now);

// Of all objects whose status is not what it has to be. `kinds` is by the name of the kind; a kind that is missing is not
// served or not listed yet. Of an object that has changed since `wanted` was computed, or will, nothing is written: it is
// looked at again. `now` is RFC 3339.
std::vector<Write> gatewayApiStatusWrites(const std::vector<model::GatewayApiStatus>& wanted,
                                          const std::map<std::string, GatewayApiObjects>& kinds,
                                          const std::string& now);

}  // namespace fairway::control
