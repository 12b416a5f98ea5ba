#pragma once

#include <string_view>

// What the control plane has Envoy say of each request and connection, and the agent makes Istio's labels of: names of tags and
// what may be in them. A proxy's own side is not among them: its agent knows that.
namespace fairway::metric_tags {

inline constexpr std::string_view kSide = "side";  // one of these three:
inline constexpr std::string_view kClient = "client";
inline constexpr std::string_view kServer = "server";
inline constexpr std::string_view kServerMtls = "server_mtls";  // the peer has shown a certificate of the mesh

inline constexpr std::string_view kPeer = "peer";       // the subject of the peer's certificate (RFC 2253)
inline constexpr std::string_view kPeerId = "peer_id";  // its URI name
inline constexpr std::string_view kEndpoint =
    "endpoint";  // workloadText() of an endpoint that shows no certificate of the mesh
inline constexpr std::string_view kCluster = "cluster";  // Envoy's cluster
// Of the cluster: "host;namespace", and ";foreign" behind that where the certificates of its endpoints are not the mesh's. Empty:
// the host is a Kubernetes Service's and stands in the cluster's name.
inline constexpr std::string_view kService = "service";
inline constexpr std::string_view kForeign = "foreign";
inline constexpr std::string_view kResponseCode = "response_code";
inline constexpr std::string_view kResponseFlags = "response_flags";
inline constexpr std::string_view kGrpcStatus = "grpc_status";  // empty: not gRPC
// Of a Telemetry: labels that are left out, with commas between them; and labels that it sets, each behind this prefix.
inline constexpr std::string_view kWithout = "without";
inline constexpr std::string_view kSet = "set_";

// In access logs of connections, what a Telemetry says differs by metric: "os/set_x" is for those with these letters.
inline constexpr char kOpened = 'o', kClosed = 'c', kSent = 's', kReceived = 'r';
// The letters of the metrics that are wanted; without it all of them.
inline constexpr std::string_view kMetrics = "metrics";
// And seconds between two entries about a connection that stays open.
inline constexpr std::string_view kInterval = "interval";
// In access logs of gRPC calls with other than one message each way: "<requests>,<responses>".
inline constexpr std::string_view kMessages = "messages";

// Where clusters, endpoints and routes have them: filter_metadata["fairway"].
inline constexpr std::string_view kMetadata = "fairway";
inline constexpr std::string_view kMetadataService = "service";
inline constexpr std::string_view kMetadataWorkload = "workload";
inline constexpr std::string_view kMetadataCluster = "cluster";

// Envoy's prefix of the metrics, and the name of the scope that all loggers of a proxy share, with its limits.
inline constexpr std::string_view kScope = "istio";

}  // namespace fairway::metric_tags
