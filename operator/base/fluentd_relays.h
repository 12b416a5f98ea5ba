#pragma once

#include <string>
#include <string_view>

// Envoy's Fluentd logger takes clusters of its bootstrap alone, and a bootstrap knows nothing of the mesh's providers. So it has some clusters
// whose endpoint is a listener of the same name inside of Envoy; the control plane sends that listener, which passes connections on
// to the provider's own cluster.
namespace fairway::fluentd_relays {

inline constexpr unsigned kCount = 4;  // for so many places at which there is a Fluentd
inline constexpr std::string_view kPrefix = "fluentd-";

// Of 1 to kCount: the name of the cluster, and of the listener.
inline std::string name(unsigned number) { return std::string(kPrefix) + std::to_string(number); }

}  // namespace fairway::fluentd_relays
