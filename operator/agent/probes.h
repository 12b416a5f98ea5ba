#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "agent/http_client.h"
#include "base/result.h"

// The app's own probes and lifecycle hooks. Under STRICT mutual TLS kubelet cannot reach the app, so the injector sends
// it here, and the agent does what kubelet would have done.
namespace fairway::agent {

struct AppProbe {
  enum class Kind { http, tcp, grpc };
  Kind kind = Kind::http;
  std::string host;         // an IP address, if the probe names one; empty: the pod
  std::string ignoredHost;  // a host that is a name: the pod is probed
  std::uint16_t port = 0;
  bool tls = false;        // http: scheme HTTPS
  std::string path = "/";  // http
  std::vector<std::pair<std::string, std::string>> headers;
  std::string service;              // grpc; empty: the server as a whole
  std::chrono::seconds timeout{1};  // Kubernetes' default

  bool operator==(const AppProbe&) const = default;
};

// By the path it is asked for with: "/app-health/<container>/livez", "/app-lifecycle/<container>/prestop".
using AppProbes = std::map<std::string, AppProbe>;

// The JSON of ISTIO_KUBE_APP_PROBERS: {"<path>": {"httpGet"|"tcpSocket"|"grpc": {Kubernetes' fields, "port" a number},
// "timeoutSeconds": n}}. Empty text: none. At most 256 of them.
Result<AppProbes> parseAppProbes(const std::string& text);

// One of these, as JSON.
Result<AppProbe> parseProbe(const std::string& text);

// Where the app is.
struct AppSide {
  std::string ip;      // the pod's address, as kubelet has it
  std::string source;  // comes from there, which the interception rules let through; may be empty
};

// Does the probe, as kubelet would: redirects to the same host are followed, up to 10; one to another host counts as
// success. The status of the app's answer, or 500 with the reason: no answer in time, nobody listens, not SERVING.
HttpReply runProbe(const AppProbe& probe, const AppSide& app, const std::string& userAgent);

// grpc.health.v1.Health/Check over plaintext; in grpc_probe.cpp.
Result<void> checkGrpcHealth(const AppProbe& probe, const std::string& ip, const std::string& source,
                             const std::string& userAgent);

}  // namespace fairway::agent
