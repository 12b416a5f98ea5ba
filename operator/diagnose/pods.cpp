#include <algorithm>
#include <map>

#include "api/yaml.h"
#include "diagnose/support.h"

namespace fairway::diagnose {

using nlohmann::json;

namespace {

struct Membership {
  std::map<std::string, json> namespaces;
  bool policyEnabled = true;  // else only pods that ask are injected
};

const json* findByName(const std::vector<json>& items, const std::string& name) {
  const auto found =
      std::find_if(items.begin(), items.end(), [&](const json& i) { return textAt(i, "/name") == name; });
  return found == items.end() ? nullptr : &*found;
}

std::optional<json> proxyOf(const json& pod) {
  for (const auto* list : {"/spec/containers", "/spec/initContainers"}) {
    const auto containers = itemsAt(pod, list);
    if (const auto* proxy = findByName(containers, "istio-proxy")) return *proxy;
  }
  return std::nullopt;
}

std::optional<json> statusOf(const json& pod, const std::string& container) {
  for (const auto* list : {"/status/containerStatuses", "/status/initContainerStatuses"}) {
    const auto statuses = itemsAt(pod, list);
    if (const auto* status = findByName(statuses, container)) return *status;
  }
  return std::nullopt;
}

// Would the pod be injected if it were made today?
bool wanted(const json& pod, const Membership& membership, const Options& options) {
  if (objectAt(pod, "/spec").value("hostNetwork", false)) return false;
  auto asks = labelOf(pod, "sidecar.istio.io/inject");
  if (asks.empty()) asks = annotationOf(pod, "sidecar.istio.io/inject");
  if (asks == "false") return false;
  const auto ns = membership.namespaces.find(namespaceOf(pod));
  if (ns == membership.namespaces.end() || ns->first == "kube-system") return false;
  const auto injection = labelOf(ns->second, "istio-injection");
  const bool member =
      injection == "enabled" || (injection.empty() && labelOf(ns->second, "istio.io/rev") == options.revision);
  return member && (membership.policyEnabled || asks == "true");
}

std::string restart(const json& pod) {
  const auto ns = namespaceOf(pod);
  for (const auto& owner : itemsAt(pod, "/metadata/ownerReferences")) {
    const auto kind = textAt(owner, "/kind");
    auto name = textAt(owner, "/name");
    if (kind == "ReplicaSet") {
      name = name.substr(0, name.rfind('-'));
      return "kubectl -n " + ns + " rollout restart deployment " + name;
    }
    if (kind == "StatefulSet" || kind == "DaemonSet") {
      return "kubectl -n " + ns + " rollout restart " + (kind == "StatefulSet" ? "statefulset " : "daemonset ") + name;
    }
  }
  return "kubectl -n " + ns + " delete pod " + nameOf(pod) + "   (and make it again)";
}

void checkInit(const json& pod, Findings& out) {
  const auto init = statusOf(pod, "istio-init");
  if (!init) return;
  for (const auto* state : {"/state/terminated", "/lastState/terminated"}) {
    const auto terminated = objectAt(*init, state);
    if (terminated.empty() || terminated.value("exitCode", 0) == 0) continue;
    const auto message = textAt(terminated, "/message");
    out.push_back({"FW0109", Severity::error, objectName("Pod", namespaceOf(pod), nameOf(pod)),
                   "interception could not be set up" + (message.empty() ? "" : ": " + message) +
                       "; the node's kernel may lack ip_tables or nf_nat, or the pod may not have NET_ADMIN",
                   "kubectl -n " + namespaceOf(pod) + " logs " + nameOf(pod) + " -c istio-init"});
    return;
  }
}

void checkReady(const json& pod, const Options& options, Findings& out) {
  const auto proxy = statusOf(pod, "istio-proxy");
  if (!proxy || proxy->value("ready", false)) return;
  const auto since = parseTime(textAt(pod, "/status/startTime"));
  if (since && options.now - *since < std::chrono::seconds(60)) return;  // still starting
  auto why = textAt(*proxy, "/state/waiting/reason");
  if (why.empty()) why = textAt(*proxy, "/state/terminated/reason");
  out.push_back({"FW0110", Severity::error, objectName("Pod", namespaceOf(pod), nameOf(pod)),
                 "its proxy is not ready" + (why.empty() ? "" : ": " + why),
                 "kubectl -n " + namespaceOf(pod) + " logs " + nameOf(pod) + " -c istio-proxy --tail=20"});
}

Membership membershipOf(Cluster& cluster, const Options& options, Findings& out) {
  Membership membership;
  for (auto& ns : listOr(cluster, "/api/v1/namespaces", "namespaces", out))
    membership.namespaces.emplace(nameOf(ns), ns);
  const auto settings = cluster.get("/api/v1/namespaces/" + options.rootNamespace + "/configmaps/" +
                                    withRevision("istio-sidecar-injector", options));
  if (settings && *settings) {
    const auto documents = api::parseYaml(textAt(**settings, "/data/config.yaml"));
    if (documents && !documents->empty()) {
      membership.policyEnabled = textAt(documents->front().value, "/policy") != "disabled";
    }
  }
  return membership;
}

}  // namespace

void checkPods(Cluster& cluster, const Options& options, Findings& out) {
  const auto membership = membershipOf(cluster, options, out);
  const auto path = options.ns.empty() ? std::string("/api/v1/pods") : "/api/v1/namespaces/" + options.ns + "/pods";
  std::map<std::string, std::size_t> versions;  // of proxies, by image
  for (const auto& pod : listOr(cluster, path, "pods", out)) {
    const auto phase = textAt(pod, "/status/phase");
    if (phase == "Succeeded" || phase == "Failed" || !textAt(pod, "/metadata/deletionTimestamp").empty()) continue;
    const auto proxy = proxyOf(pod);
    if (!proxy) {
      if (wanted(pod, membership, options)) {
        out.push_back({"FW0108", Severity::warning, objectName("Pod", namespaceOf(pod), nameOf(pod)),
                       "it has no sidecar though its namespace is in the mesh: it was made before the label, or while "
                       "injection did not work",
                       restart(pod)});
      }
      continue;
    }
    checkInit(pod, out);
    checkReady(pod, options, out);
    const auto revision = labelOf(pod, "istio.io/rev");
    if (revision == options.revision || revision.empty()) ++versions[textAt(*proxy, "/image")];
  }
  for (const auto& [image, count] : versions) {
    const auto colon = image.rfind(':');
    const auto tag = colon == std::string::npos ? std::string() : image.substr(colon + 1);
    if (tag.empty() || tag.starts_with(options.version)) continue;
    out.push_back({"FW0111", Severity::warning, "",
                   std::to_string(count) + " proxies run " + image + ", this program is " + options.version,
                   "kubectl -n NAMESPACE rollout restart deployment   (after an upgrade, at a time that suits)"});
  }
}

Findings checkAfter(Cluster& cluster, const Options& options) {
  Findings out;
  checkVersion(cluster, options, out);
  if (!out.empty() && out.front().code == "FW0001") return out;
  checkControlPlane(cluster, options, out);
  const bool absent = std::any_of(out.begin(), out.end(), [](const Finding& f) { return f.code == "FW0101"; });
  checkDefinitions(cluster, options, out);
  if (!absent) {
    checkServiceAccount(cluster, options, out);
    checkWebhooks(cluster, options, out);
    checkRoots(cluster, options, out);
    checkLeader(cluster, options, out);
  }
  checkPodSecurity(cluster, options, out);
  checkPods(cluster, options, out);
  checkClocks(cluster, options, out);
  return sorted(std::move(out));
}

}  // namespace fairway::diagnose
