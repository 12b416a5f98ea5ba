#include "inspect/cluster_name.h"

#include "base/strings.h"

namespace fairway::inspect {

ClusterName parseClusterName(std::string_view name) {
  const auto parts = split(name, '|');
  // "outbound_.80_._.host" is the form of TLS server names, which Istio gives to the clusters of east-west gateways.
  if (parts.size() != 4) return {{}, 0, {}, std::string(name)};
  return {parts[0], static_cast<std::uint32_t>(toNumber(parts[1]).value_or(0)), parts[2], parts[3]};
}

bool matches(const Filter& filter, const ClusterName& name) {
  return (filter.fqdn.empty() || name.fqdn == filter.fqdn) &&
         (filter.direction.empty() || name.direction == toLower(filter.direction)) &&
         (filter.subset.empty() || name.subset == filter.subset) && (filter.port == 0 || name.port == filter.port);
}

}  // namespace fairway::inspect
