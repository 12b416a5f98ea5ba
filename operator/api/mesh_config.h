#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/object.h"

// The ConfigMap `istio` (`istio-<revision>`) of the root namespace, with Istio's MeshConfig as YAML under its key
// `mesh`. Of other ConfigMaps nothing is kept but their metadata.
namespace fairway::api {

struct MeshConfigSpec {
  enum class OutboundMode { allow_any, registry_only };
  enum class IngressMode { off, by_default, strict };
  // Unset: the default of model::MeshSettings.
  std::optional<OutboundMode> outboundMode;  // outboundTrafficPolicy.mode
  std::optional<std::string> accessLogFile;
  std::optional<std::string> ingressClass, ingressSelector, ingressService;
  std::optional<IngressMode> ingressMode;  // ingressControllerMode
  std::optional<std::string> trustDomain, rootNamespace;
  std::vector<std::string> trustDomainAliases;
  struct CaCertificates {
    std::string pem;
    std::vector<std::string> trustDomains;  // none: our own and its aliases
    bool operator==(const CaCertificates&) const = default;
  };
  std::vector<CaCertificates> caCertificates;
  struct Tls {
    std::string minProtocolVersion;  // "TLSV1_2", "TLSV1_3"; empty: the default
    std::vector<std::string> cipherSuites, ecdhCurves;
    bool operator==(const Tls&) const = default;
  };
  Tls meshMtls;     // meshMTLS: between workloads
  Tls tlsDefaults;  // all other TLS
  std::optional<bool> enableAutoMtls;
  bool operator==(const MeshConfigSpec&) const = default;
};

struct ConfigMapSpec {
  std::optional<MeshConfigSpec> mesh;  // unset without the key `mesh`, and while its text has errors
  bool operator==(const ConfigMapSpec&) const = default;
};
using ConfigMap = Typed<ConfigMapSpec, Kind::config_map>;

}  // namespace fairway::api
