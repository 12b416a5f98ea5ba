#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"

// Kubernetes' own kinds, reduced to the fields that Fairway reads.
namespace fairway::api {

struct NamespaceSpec {  // labels and annotations are all that is read
  bool operator==(const NamespaceSpec&) const = default;
};
using Namespace = Typed<NamespaceSpec, Kind::namespace_>;

struct NodeSpec {  // labels topology.kubernetes.io/{region,zone} and topology.istio.io/subzone
  bool operator==(const NodeSpec&) const = default;
};
using Node = Typed<NodeSpec, Kind::node>;

struct PodSpec {
  std::string serviceAccountName;  // "default" when unset
  std::string nodeName;
  bool hostNetwork = false;
  std::vector<std::string> ips;  // status.podIPs, else status.podIP
  std::string phase;
  std::optional<bool> ready;  // the condition Ready; unset where a pod has no conditions at all
  struct Port {
    std::string name;
    std::uint32_t number = 0;
    std::string protocol;  // "TCP" when unset
    bool operator==(const Port&) const = default;
  };
  std::vector<Port> ports;  // of all containers: a Service's named targetPort refers to these
  std::string workload;     // the name of what runs it: "reviews-v1"; empty: nothing does
  bool operator==(const PodSpec&) const = default;
};
using Pod = Typed<PodSpec, Kind::pod>;

struct ServiceSpec {
  std::string type = "ClusterIP";
  std::vector<std::string> clusterIPs;  // empty, or one element "None", when headless
  std::string externalName;
  Labels selector;
  bool publishNotReadyAddresses = false;
  struct Port {
    std::string name;
    std::string protocol = "TCP";
    std::string appProtocol;
    std::uint32_t number = 0;
    std::string targetPort;  // number or name as text; empty = same as `number`
    bool operator==(const Port&) const = default;
  };
  std::vector<Port> ports;
  std::vector<std::string> loadBalancer;  // status.loadBalancer: IP addresses or names under which it is reached
  bool operator==(const ServiceSpec&) const = default;
};
using Service = Typed<ServiceSpec, Kind::service>;

struct EndpointSliceSpec {
  std::string service;      // label kubernetes.io/service-name
  std::string addressType;  // IPv4, IPv6, FQDN
  struct Port {
    std::string name;
    std::string protocol = "TCP";
    std::string appProtocol;
    std::uint32_t number = 0;
    bool operator==(const Port&) const = default;
  };
  struct Endpoint {
    std::vector<std::string> addresses;
    std::optional<bool> ready, serving, terminating;  // unset ready = ready, unset serving = ready
    std::string hostname;
    std::string nodeName;
    std::string zone;
    std::string targetKind, targetNamespace, targetName;
    bool operator==(const Endpoint&) const = default;
  };
  std::vector<Port> ports;
  std::vector<Endpoint> endpoints;
  bool operator==(const EndpointSliceSpec&) const = default;
};
using EndpointSlice = Typed<EndpointSliceSpec, Kind::endpoint_slice>;

// Only secrets that hold a TLS server's material are kept (kubernetes.io/tls, or generic with
// tls.crt/tls.key or cert/key).
struct SecretSpec {
  std::string type;
  std::string certificateChain;  // PEM
  std::string privateKey;        // PEM; never logged, never in a debug page, never on disk
  std::string caCertificates;    // PEM, `ca.crt` or `cacert`
  bool operator==(const SecretSpec&) const = default;
};
using Secret = Typed<SecretSpec, Kind::secret>;

}  // namespace fairway::api
