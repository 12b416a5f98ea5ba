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

enum class ProxyType { sidecar, router };
enum class Interception { redirect, none };

// What `fairway agent` is told. Defaults are those of an injected sidecar.
struct AgentOptions {
  ProxyType proxyType = ProxyType::sidecar;
  std::string podName;
  std::string podNamespace;
  std::string serviceAccount = "default";
  std::vector<std::string> ips;               // of the pod; the first one is in the node id
  std::map<std::string, std::string> labels;  // of the pod
  std::string labelsFile;                // labels as the downward API writes them (`key="value"` lines); may be empty
  std::string domain = "cluster.local";  // DNS domain of the cluster
  std::string trustDomain = "cluster.local";

  std::string discoveryAddress = "istiod.istio-system.svc:15012";  // xDS and certificates, TLS
  std::string discoveryServerName;  // name in the control plane's certificate; empty: see serverNameOf()
  std::string tokenFile = "/var/run/secrets/tokens/istio-token";
  std::string rootFile =
      "/var/run/secrets/istio/root-cert.pem";  // PEM roots that the control plane's certificate leads to
  std::chrono::seconds certificateTtl{0};      // wanted; 0: the control plane's default

  std::string envoy = "/usr/local/bin/envoy";
  std::string workDir = "/run/fairway";               // bootstrap, SDS socket; made with mode 0700
  std::string envoyAdminAddress = "127.0.0.1:15000";  // loopback only; port 0: any free one
  std::string statusAddress = ":15021";               // /healthz/ready; empty: none
  std::string prometheusAddress;                      // Envoy's /stats/prometheus, e.g. ":15090"; empty: none
  Interception interception = Interception::redirect;
  std::string outboundAddress;  // interception none: where outbound listeners bind (an IP)
  std::string appAddress;       // interception none: where the app listens (an IP)
  bool unprivileged = false;    // the proxy may not bind ports below 1024
  unsigned concurrency = 2;     // Envoy's worker threads; 0: one a core
  std::chrono::seconds drainTime{5};
  std::string logLevel = "info";  // of Envoy: trace, debug, info, warning, error, critical, off
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

// Checks that the options are complete and make sense, and reads the labels file into `labels`. To be called once,
// after everything is set.
Result<void> complete(AgentOptions& options);

// The DNS name that the control plane's certificate must have: the one given, else the host of the discovery address if
// that is a name, else istiod.istio-system.svc.
std::string serverNameOf(const AgentOptions& options);

// Lines `key="value"` with the escapes of Go's %q, as the downward API writes labels and annotations.
Result<std::map<std::string, std::string>> parseDownwardLabels(std::string_view text);

}  // namespace fairway::agent
