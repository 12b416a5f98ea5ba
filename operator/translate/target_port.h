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

}  // namespace fairway::translate
