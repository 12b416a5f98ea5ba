#pragma once

#include <optional>
#include <string>

#include "agent/config.h"
#include "base/address.h"

namespace fairway::agent {

// Names that the bootstrap and the control plane's configuration share.
constexpr std::string_view kDiscoveryCluster = "xds-grpc";
constexpr std::string_view kSecretCluster = "sds-grpc";
// Secrets of the agent's socket.
constexpr std::string_view kWorkloadSecret = "default";
constexpr std::string_view kRootSecret = "ROOTCA";
// Whom to believe to be the control plane, which has no SPIFFE ID.
constexpr std::string_view kDiscoveryRootSecret = "discovery-roots";

// Envoy's bootstrap (envoy.config.bootstrap.v3.Bootstrap) as JSON: the node as the control plane knows it, delta ADS
// over mutual TLS to the control plane, whose certificate must have serverNameOf(options) as a DNS name, and the workload's
// own certificate and roots by SDS from the unix socket. `statsd`: where statistics are sent, an IP address and port. Holds no
// secrets. Requires options that complete() accepted.
std::string bootstrap(const AgentOptions& options, const std::string& sdsSocket,
                      const std::optional<Address>& statsd = std::nullopt);

// "sidecar~10.0.0.7~portal-1.onap~onap.svc.cluster.local"
std::string nodeId(const AgentOptions& options);

// The node's cluster, by which traces and logs know the workload: "<its label app, else its name>.<namespace>".
std::string serviceCluster(const AgentOptions& options);

}  // namespace fairway::agent
