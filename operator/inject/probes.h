#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace fairway::inject {

// The kubelet has no certificate of the mesh, and a TCP probe would only find the proxy: so it asks the agent, which
// asks the app from inside the pod.
struct RewrittenProbes {
  // By the agent's path ("/app-health/web/livez"): {"httpGet" | "tcpSocket" | "grpc": ..., "timeoutSeconds": n} with
  // the port as a number. What the agent gets in ISTIO_KUBE_APP_PROBERS.
  nlohmann::json originals = nlohmann::json::object();
  std::vector<std::string> warnings;
};

// Points the app's probes (HTTP, HTTPS, TCP, gRPC) and HTTP lifecycle hooks to the agent. Left alone are exec, those
// with a host of their own, those of the proxy and its ports, and those whose named port does not exist (a warning).
// Requires a spec of a pod that checkPod() took.
RewrittenProbes rewriteProbes(nlohmann::json& spec);

}  // namespace fairway::inject
