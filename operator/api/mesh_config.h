#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/gateway_api.h"
#include "api/networking.h"
#include "api/object.h"
#include "api/telemetry.h"
#include "api/telemetry_provider.h"
#include "base/gateway_topology.h"

// The ConfigMap `istio` (`istio-<revision>`) of the root namespace, with Istio's MeshConfig as YAML under its key
// `mesh`. Of other ConfigMaps nothing is kept but their metadata.
namespace fairway::api {

// One of `extensionProviders`: something outside the mesh that its proxies work with, by a name that policies use.
struct ExtensionProvider {
  // Who decides on requests for AuthorizationPolicies with action CUSTOM.
  struct ExtAuthz {
    bool grpc = false;    // envoyExtAuthzGrpc, else envoyExtAuthzHttp
    std::string service;  // "name.namespace.svc.cluster.local", or "namespace/host"
    std::uint32_t port = 0;
    std::optional<Duration> timeout;
    bool failOpen = false, clearRouteCache = false;
    std::uint32_t statusOnError = 0;  // HTTP status while it cannot be asked; 0: 403
    std::string pathPrefix;
    struct Headers {  // names, with * at one end also patterns
      std::vector<std::string> inCheck, upstreamOnAllow, downstreamOnAllow, downstreamOnDeny;
      std::map<std::string, std::string> additional;  // includeAdditionalHeadersInCheck
      bool operator==(const Headers&) const = default;
    };
    Headers headers;
    std::uint32_t maxBodyBytes = 0;  // includeRequestBodyInCheck; 0: the body is not sent
    bool partialBody = false, rawBody = false;
    bool operator==(const ExtAuthz&) const = default;
  };
  std::string name;
  std::optional<ExtAuthz> extAuthz;  // unset: a provider of another kind
  TelemetryProvider telemetry;
  bool operator==(const ExtensionProvider&) const = default;
};

struct MeshConfigSpec {
  enum class PathNormalization { base, none, merge_slashes, decode_and_merge_slashes };
  enum class OutboundMode { allow_any, registry_only };
  enum class IngressMode { off, by_default, strict };
  enum class AuthPolicy { none, mutual_tls };
  // Unset: the default of model::MeshSettings.
  std::optional<OutboundMode> outboundMode;  // outboundTrafficPolicy.mode
  std::optional<std::string> accessLogFile;
  std::optional<std::string> ingressClass, ingressSelector, ingressService;
  std::optional<IngressMode> ingressMode;  // ingressControllerMode
  std::optional<std::string> trustDomain, rootNamespace;
  std::optional<PathNormalization> pathNormalization{};  // pathNormalization.normalization
  std::vector<ExtensionProvider> extensionProviders{};
  std::vector<std::string> trustDomainAliases{};
  struct CaCertificates {
    std::string pem;
    std::vector<std::string> trustDomains;  // none: our own and its aliases
    bool operator==(const CaCertificates&) const = default;
  };
  std::vector<CaCertificates> caCertificates{};
  struct Tls {
    std::string minProtocolVersion;  // "TLSV1_2", "TLSV1_3"; empty: the default
    std::vector<std::string> cipherSuites, ecdhCurves;
    bool operator==(const Tls&) const = default;
  };
  Tls meshMtls{};     // meshMTLS: between workloads
  Tls tlsDefaults{};  // all other TLS
  std::optional<bool> enableAutoMtls{};
  std::optional<AuthPolicy> authPolicy{};      // until Istio 1.0
  std::optional<LocalitySettings> locality{};  // localityLbSetting
  // Of hosts whose objects do not say it themselves; empty: everybody.
  struct ExportTo {
    std::vector<std::string> services, virtualServices, destinationRules;  // default*ExportTo
    bool operator==(const ExportTo&) const = default;
  };
  ExportTo exportTo{};
  // Of connections for which no DestinationRule or VirtualService says it.
  struct Connections {
    std::optional<Duration> connectTimeout, dnsRefreshRate, protocolDetectionTimeout;
    std::optional<TrafficPolicySpec::ConnectionPool::Keepalive> tcpKeepalive;
    std::optional<bool> upgradeToHttp2;           // h2UpgradePolicy
    std::optional<HttpRoute::Retries> retries{};  // defaultHttpRetryPolicy
    bool operator==(const Connections&) const = default;
  };
  Connections connections{};
  struct AccessLog {
    std::string format;        // accessLogFormat; of JSON logs an object as text
    std::optional<bool> json;  // accessLogEncoding
    bool operator==(const AccessLog&) const = default;
  };
  AccessLog accessLog{};
  // Of proxies whose pods do not say it.
  struct ProxyDefaults {
    std::string statsdUdpAddress;                      // host:port; empty: none; it counts when a pod is made
    std::optional<GatewayTopology> gatewayTopology{};  // of gateways
    bool operator==(const ProxyDefaults&) const = default;
  };
  ProxyDefaults proxyDefaults{};  // defaultConfig
  struct Telemetry {
    struct Defaults {  // defaultProviders: names; unset: prometheus, the access log file, and of traces none
      std::optional<std::vector<std::string>> metrics, accessLogging, tracing;
      bool operator==(const Defaults&) const = default;
    };
    // defaultConfig.tracing
    struct Tracing {
      std::optional<double> sampling;
      std::string zipkinAddress;  // host:port
      std::map<std::string, TelemetrySpec::CustomTag> customTags;
      std::optional<std::uint32_t> maxPathTagLength;
      std::optional<bool> istioTags;  // enableIstioTags
      bool operator==(const Tracing&) const = default;
    };
    Defaults defaults;
    std::optional<bool> enableTracing;
    Tracing tracing;
    bool operator==(const Telemetry&) const = default;
  };
  Telemetry telemetry{};
  // Namespaces whose services and routing are looked at: those that one of them selects. None: all.
  std::vector<gateway_api::LabelSelector> discoverySelectors{};
  bool operator==(const MeshConfigSpec&) const = default;
};

struct ConfigMapSpec {
  std::optional<MeshConfigSpec> mesh;  // unset without the key `mesh`, and while its text has errors
  std::string caCertificates;          // PEM, the key `ca.crt`: what policies of the Gateway API refer to
  bool operator==(const ConfigMapSpec&) const = default;
};
using ConfigMap = Typed<ConfigMapSpec, Kind::config_map>;

}  // namespace fairway::api
