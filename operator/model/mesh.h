#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/gateway_topology.h"
#include "model/security.h"
#include "model/traffic.h"

namespace fairway::model {

// Settings of the whole mesh that its users change while it runs. Defaults are Istio's, but for the access log, which
// is written unless somebody switches it off.
struct MeshSettings {
  enum class Outbound { allow_any, registry_only };
  // What becomes of requests to hosts that the registry does not have.
  Outbound outbound = Outbound::allow_any;
  std::string accessLogFile = "/dev/stdout";  // path in the proxy; empty: no log

  // Which Ingress objects are served: those whose class belongs to the mesh's controller or is named `ingressClass` by
  // annotation, and by_default also those without a class.
  enum class Ingress { off, by_default, strict };
  Ingress ingress = Ingress::strict;
  std::string ingressClass = "istio";
  // Label `istio` of the gateway pods that serve them, and the Service in front of these.
  std::string ingressSelector = "ingressgateway";
  std::string ingressService = "istio-ingressgateway";

  // How paths are made canonical where no rule looks at them; a rule that does wants at least merged slashes, and no
  // escaped ones.
  enum class Paths { none, base, merge_slashes, decode_and_merge_slashes };
  Paths paths = Paths::base;
  // Other names of our trust domain: peers of them are taken for ours, and policies mean them too.
  std::vector<std::string> trustDomainAliases;
  struct Tls {
    std::string minVersion;  // "TLSv1_2" as Envoy writes it; empty: TLS 1.2
    std::vector<std::string> cipherSuites, curves;
    bool operator==(const Tls&) const = default;
  };
  Tls meshTls;      // between workloads
  Tls tlsDefaults;  // all other TLS, where a Gateway says nothing else
  // Clients prefer endpoints near them where no DestinationRule says whether or how. As there, without failure detection
  // only `distribute` has an effect.
  std::optional<TrafficPolicy::LocalityPolicy> locality = TrafficPolicy::LocalityPolicy{};
  // Who sees what does not say itself whom it is for: as exportTo. Empty: everybody.
  std::vector<std::string> servicesTo, virtualServicesTo, destinationRulesTo;
  // Of connections to upstreams, where nothing else says it.
  Duration connectTimeout{std::chrono::seconds(10)};
  std::optional<TrafficPolicy::ConnectionPool::Keepalive> keepalive;
  bool upgradeToHttp2 = false;
  Duration dnsRefresh{std::chrono::seconds(60)};
  std::optional<HttpRoute::Retries> retries;  // of routes that do not speak of them
  // How long a listener waits for a connection's first bytes, to see its protocol. 0: as long as the client takes.
  Duration detection{std::chrono::seconds(5)};
  std::string accessLogFormat;  // Envoy's command operators; JSON: an object of them. Empty: our own
  bool accessLogJson = false;
  // Clients use mTLS with workloads that take it, without being told to.
  bool autoMtls = true;
  // What workloads take that no policy speaks of.
  MtlsMode defaultMtls = MtlsMode::permissive;
  GatewayTopology gatewayTopology;  // of gateways that do not say themselves what is in front of them
  bool operator==(const MeshSettings&) const = default;
};

}  // namespace fairway::model
