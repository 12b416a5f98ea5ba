#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace fairway::agent {

constexpr std::string_view kLabelsFile = "/etc/istio/pod/labels";
constexpr std::string_view kAnnotationsFile = "/etc/istio/pod/annotations";

enum class ProxyType { sidecar, router };
enum class Interception { redirect, none };

// What `fairway agent` is told. Defaults are those of an injected sidecar.
struct AgentOptions {
  ProxyType proxyType = ProxyType::sidecar;
  std::string podName;
  std::string podNamespace;
  std::string serviceAccount = "default";
  std::vector<std::string> ips;                    // of the pod; the first one is in the node id
  std::map<std::string, std::string> labels;       // of the pod
  std::map<std::string, std::string> annotations;  // of the pod, that concern the mesh
  std::map<std::string, std::string> metadata;     // of the node, besides what the agent says itself
  // Labels and annotations as the downward API writes them (`key="value"` lines). The defaults may be missing.
  std::string labelsFile = std::string(kLabelsFile), annotationsFile = std::string(kAnnotationsFile);
  std::string domain = "cluster.local";  // DNS domain of the cluster
  std::string trustDomain = "cluster.local";

  std::string discoveryAddress = "istiod.istio-system.svc:15012";  // xDS and certificates, TLS
  std::string discoveryServerName;  // name in the control plane's certificate; empty: see serverNameOf()
  std::string tokenFile = "/var/run/secrets/tokens/istio-token";
  std::string rootFile =
      "/var/run/secrets/istio/root-cert.pem";  // PEM roots that the control plane's certificate leads to
  std::chrono::seconds certificateTtl{0};      // wanted; 0: the control plane's default
  bool deltaXds = true;                        // false: Envoy asks for the state of the world
  // The WorkloadGroup that a machine outside the cluster registers itself as one of; empty: it does not.
  std::string autoRegisterGroup;
  bool probeCommands = false;    // its probe may be a command, which is run here
  bool bootstrapPatches = true;  // what EnvoyFilters say of the bootstrap is asked for before Envoy starts

  std::string envoy = "/usr/local/bin/envoy";
  std::string workDir = "/run/fairway/agent";         // bootstrap, sockets; made with mode 0700
  std::string envoyAdminAddress = "127.0.0.1:15000";  // loopback only; port 0: any free one
  std::string statusAddress = ":15021";               // /healthz/ready; empty: none
  std::string agentAddress = ":15020";                // merged metrics, the app's probes and hooks; empty: none
  std::string prometheusAddress = ":15090";           // Envoy's /stats/prometheus; empty: none
  // Loopback; empty: none. Who connects here speaks with the control plane by this proxy's identity, whose certificate is renewed:
  // for programs of the pod that ask for configuration and know no certificates that change.
  std::string xdsRelayAddress;
  std::string statsdAddress;  // host:port of a server that Envoy sends its statistics to, over UDP; empty: none
  std::string statsdPrefix = "envoy";  // in front of their names
  bool statsdTags = false;             // as DogStatsD has them; false: they are parts of the names
  Interception interception = Interception::redirect;
  std::string outboundAddress;  // interception none: where outbound listeners bind (an IP)
  std::string appAddress;       // interception none: where the app listens (an IP)
  std::string gatewayTopology;  // what stands in front of a gateway: "numTrustedProxies=2", see base/gateway_topology.h
  bool unprivileged = false;    // the proxy may not bind ports below 1024
  unsigned concurrency = 2;     // Envoy's worker threads; 0: one a core
  std::string appProbes;        // see parseAppProbes()
  bool probeLocalhost = false;  // the app is probed at 127.0.0.1, not at the pod's address
  std::string appMetrics;       // see parseAppMetrics()
  std::size_t metricSeries = 2000;  // label sets of each of Istio's metrics; what is over that is added up
  // Of Envoy's own statistics those that are kept besides the usual ones (see bootstrap()).
  std::vector<std::string> statsPrefixes, statsSuffixes, statsRegexes;

  std::chrono::seconds drainTime{25};        // the longest; below Kubernetes' grace period of 30 s
  std::chrono::seconds minimumDrainTime{5};  // the shortest, for others to hear of it; drainTime wins
  bool exitOnZeroConnections = false;        // drains as long as there are connections, even idle ones
  std::string logLevel = "warning";          // of Envoy: trace, debug, info, warning, error, critical, off
  std::string componentLogLevel;             // of Envoy's components: "upstream:debug,config:trace"
  std::string agentLogLevel = "info";        // trace, debug, info, warn, error, off
  std::string logFormat = "text";            // of both: text, json
};

// One setting, for the command line and the environment: `set` reads it from text.
struct AgentFlag {
  std::string name;         // "--token-file"
  std::string environment;  // "FAIRWAY_TOKEN_FILE", or a name that pods already have, such as "POD_NAME"
  std::string placeholder;  // "FILE"
  std::string help;         // one line
  std::function<Result<void>(AgentOptions&, const std::string&)> set;
};

const std::vector<AgentFlag>& agentFlags();

// Sets what the environment holds (variables that are set but empty count as not set). `lookup` is getenv, or a test's.
Result<void> applyEnvironment(AgentOptions& options,
                              const std::function<std::optional<std::string>(const std::string&)>& lookup);

// Checks that the options are complete and make sense, and reads the labels and annotations files. To be called once, after
// everything is set.
Result<void> complete(AgentOptions& options);

// The DNS name that the control plane's certificate must have: the one given, else the host of the discovery address if
// that is a name, else istiod.istio-system.svc.
std::string serverNameOf(const AgentOptions& options);
}  // namespace fairway::agent
