#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "model/service.h"

namespace fairway::translate {

// The workload port a service port leads to: its number, or what the workload calls by that name. Nothing
// if the workload has no such name.
std::optional<std::uint32_t> targetPort(const model::ServicePort& port,
                                        const std::map<std::string, std::uint32_t>& namedPorts);

// The same of a machine, whose ports are by the names of the service's: of a WorkloadEntry as an endpoint the same is true
// (normalize/endpoints.cpp).
std::optional<std::uint32_t> machinePort(const model::ServicePort& port,
                                         const std::map<std::string, std::uint32_t>& ports);

}  // namespace fairway::translate
