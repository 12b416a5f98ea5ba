#pragma once

#include <string>
#include <vector>

#include "agent/config.h"

namespace fairway::agent {

// Envoy's command line. `adminAddressFile` is where it writes the address of its admin interface.
std::vector<std::string> envoyCommand(const AgentOptions& options, const std::string& bootstrapFile,
                                      const std::string& adminAddressFile);

}  // namespace fairway::agent
