#include "inject/hazards.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "inject/names.h"
#include "inject/pod.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

bool mayProgramRules(const Json& container) {
  const auto* security = member(container, "securityContext");
  if (security == nullptr) return false;
  const auto* privileged = member(*security, "privileged");
  if (privileged != nullptr && *privileged == true) return true;
  const auto* capabilities = member(*security, "capabilities");
  const auto* added = capabilities == nullptr ? nullptr : member(*capabilities, "add");
  return added != nullptr && std::any_of(added->begin(), added->end(), [](const Json& name) {
           return name == "NET_ADMIN" || name == "ALL" || name == "CAP_NET_ADMIN";
         });
}

bool runsAsProxy(const Json& securityHolder) {
  const auto* security = member(securityHolder, "securityContext");
  const auto* user = security == nullptr ? nullptr : member(*security, "runAsUser");
  return user != nullptr && *user == kProxyUser;
}

}  // namespace

std::vector<std::string> hazards(const Json& pod, const PodOptions& options) {
  std::vector<std::string> result;
  const auto& spec = pod["spec"];
  if (runsAsProxy(spec)) {
    result.emplace_back(
        "securityContext.runAsUser is 1337, the proxy's own user: the app's traffic goes past the "
        "proxy; give it another user");
  }
  for (const char* list : {"initContainers", "containers"}) {
    const auto* containers = member(spec, list);
    if (containers == nullptr) continue;
    for (const auto& container : *containers) {
      const auto name = textAt(container, "name");
      if (name == kProxyContainer || name == kInitContainer) continue;
      if (mayProgramRules(container)) {
        result.push_back("container " + name +
                         " may change the pod's iptables rules (NET_ADMIN or privileged): rules of its own can lead "
                         "traffic past the proxy");
      }
      if (runsAsProxy(container)) {
        result.push_back("container " + name +
                         " runs as user 1337, the proxy's own: its traffic goes past the proxy; give it another user");
      }
    }
  }
  const auto dns = textAt(spec, "dnsPolicy");
  if (dns == "Default" || dns == "None") {
    result.push_back("dnsPolicy is " + dns +
                     ": the proxy may not find the control plane's name; use ClusterFirst, or a discoveryAddress that "
                     "resolves");
  }
  const auto restart = textAt(spec, "restartPolicy");
  if (!options.native && (restart == "Never" || restart == "OnFailure")) {
    result.emplace_back(
        "the proxy is a plain container and keeps running when the app has ended, so a Job does not "
        "finish: use native sidecars (Kubernetes 1.29) or the label sidecar.istio.io/inject: \"false\"");
  }
  return result;
}

}  // namespace fairway::inject
