#include "translate/target_port.h"

#include "base/strings.h"

namespace fairway::translate {

std::optional<std::uint32_t> targetPort(const model::ServicePort& port,
                                        const std::map<std::string, std::uint32_t>& namedPorts) {
  if (const auto number = toNumber(port.targetPort)) {
    if (*number == 0 || *number > 65535) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
  }
  const auto found = namedPorts.find(port.targetPort);
  if (found == namedPorts.end()) return std::nullopt;
  return found->second;
}

std::optional<std::uint32_t> machinePort(const model::ServicePort& port,
                                         const std::map<std::string, std::uint32_t>& ports) {
  if (const auto own = ports.find(port.name); own != ports.end()) return own->second;
  const auto number = toNumber(port.targetPort);
  if (!number) return port.number;
  return *number == 0 || *number > 65535 ? std::nullopt : std::optional(static_cast<std::uint32_t>(*number));
}

}  // namespace fairway::translate
