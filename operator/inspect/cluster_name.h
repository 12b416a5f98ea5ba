#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "inspect/dump.h"

namespace fairway::inspect {

// The parts of "outbound|80|v1|reviews.default.svc.cluster.local".
struct ClusterName {
  std::string direction;  // "outbound", "inbound"; "" where the name is not of that form
  std::uint32_t port = 0;
  std::string subset;
  std::string fqdn;  // the whole name where it is not of that form
};
ClusterName parseClusterName(std::string_view name);

// By fqdn, direction, subset and port.
bool matches(const Filter& filter, const ClusterName& name);

}  // namespace fairway::inspect
