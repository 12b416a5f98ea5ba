#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Names of xDS resources, as Istio's tools and dashboards know them.
namespace fairway::translate {

inline constexpr std::string_view kPassthroughCluster = "PassthroughCluster";
inline constexpr std::string_view kBlackHoleCluster = "BlackHoleCluster";
inline constexpr std::string_view kInboundPassthroughCluster = "InboundPassthroughCluster";
inline constexpr std::uint32_t kOutboundPort = 15001;  // where intercepted connections of the app arrive
inline constexpr std::uint32_t kInboundPort = 15006;   // where intercepted connections to the app arrive

// Names in the agent's SDS server, and the cluster in the agent's bootstrap that leads to it.
inline constexpr std::string_view kSdsCluster = "sds-grpc";
inline constexpr std::string_view kWorkloadCertificate = "default";
inline constexpr std::string_view kWorkloadRoots = "ROOTCA";

// "outbound|80|v1|reviews.default.svc.cluster.local"; `subset` may be empty.
std::string clusterName(std::uint32_t port, std::string_view subset, std::string_view host);
// The names of a headless service's pods, "*.db.default.svc.cluster.local": in place of a host in the names of what leads to
// the one that the client chose.
std::string podsHost(std::string_view host);
// Appends the SNI of mTLS to that cluster: "outbound_.80_.v1_.reviews.default.svc.cluster.local".
void appendSniName(std::string& out, std::uint32_t port, std::string_view subset, std::string_view host);
// "inbound|8080||", `port` is the workload's.
std::string inboundName(std::uint32_t port);
// "10.96.1.2_9042"
std::string listenerName(std::string_view address, std::uint32_t port);
// The secret behind a credentialName: "kubernetes://tls-cert"; its roots: "kubernetes://tls-cert-cacert".
std::string credentialSecret(std::string_view credential);
// Of a Gateway of the Gateway API, which may refer to secrets of other namespaces.
std::string gatewayCredentialSecret(std::string_view ns, std::string_view name);
std::string credentialRootsSecret(std::string_view credential);

}  // namespace fairway::translate
