#include <set>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "inject/names.h"
#include "inject/pod.h"
#include "inject/selection.h"

namespace fairway::analyze {

using nlohmann::json;

namespace {

bool isOfTheSystem(const World& world, const std::string& ns) {
  const auto& ignored = world.options().injection.ignoredNamespaces;
  return ns.starts_with("kube-") || ns == world.options().mesh.rootNamespace ||
         std::find(ignored.begin(), ignored.end(), ns) != ignored.end();
}

bool has(const api::Labels& labels, std::string_view name) { return labels.contains(std::string(name)); }

void checkNamespaces(const World& world, Reporter& report) {
  std::set<std::string> used;
  for (const auto& workload : world.workloads()) {
    if (workload.resource != nullptr) used.insert(workload.ns);
  }
  for (const auto* resource : world.of(api::Kind::namespace_)) {
    const auto* labels = world.namespaceLabels(resource->name);
    if (labels == nullptr || isOfTheSystem(world, resource->name)) continue;
    const bool injection = has(*labels, inject::kNamespaceInjection), revision = has(*labels, inject::kRevision);
    const auto at = "metadata.labels[" + std::string(inject::kRevision) + "]";
    if (injection && revision) {
      report.add(Code::two_injection_labels, *resource, at,
                 "found both labels istio-injection=" + labels->at(std::string(inject::kNamespaceInjection)) +
                     " and istio.io/rev=" + labels->at(std::string(inject::kRevision)) +
                     ": istio-injection decides, the revision has no effect",
                 "kubectl label namespace " + resource->name +
                     " istio-injection-   (to choose the revision), or "
                     "istio.io/rev-");
      continue;
    }
    if (injection || revision || !used.contains(resource->name) || world.options().injection.namespacesByDefault) {
      continue;
    }
    report.add(Code::namespace_not_injected, *resource, "metadata.labels",
               "it has workloads and no label of injection: they get no proxy",
               "kubectl label namespace " + resource->name + " istio-injection=enabled   (or =disabled, to say so)");
  }
}

void checkPods(const World& world, Reporter& report) {
  for (const auto* pod : world.pods()) {
    if (pod->resource == nullptr || !pod->resource->origin.inCluster() || world.inMesh(*pod)) continue;
    const auto* labels = world.namespaceLabels(pod->ns);
    if (labels == nullptr || !inject::checkPod(pod->pod->pod)) continue;
    const auto decision = inject::decide(pod->pod->pod, world.options().injection, {pod->ns, *labels, false});
    if (!decision.inject) continue;
    report.add(Code::pod_without_proxy, *pod->resource, "",
               "it has no proxy though it should have one (" + decision.reason +
                   "): it was made before, or while injection did not work",
               pod->pod->ownerKind.empty()
                   ? "delete the pod and make it again"
                   : "kubectl -n " + pod->ns + " rollout restart the Deployment or the like that owns it");
  }
}

bool runsAsProxy(const json& holder) {
  const auto* security = inject::member(holder, "securityContext");
  const auto* user = security == nullptr ? nullptr : inject::member(*security, "runAsUser");
  return user != nullptr && *user == inject::kProxyUser;
}

void checkContainers(const World& world, const Workload& workload, Reporter& report) {
  const auto& spec = workload.pod->pod["spec"];
  const auto at = workload.pod->at.empty() ? std::string("spec") : workload.pod->at + ".spec";
  const bool injected = world.inMesh(workload);
  if (injected && runsAsProxy(spec)) {
    report.add(Code::proxy_user, *workload.resource, at + ".securityContext.runAsUser",
               "found 1337, the proxy's own user: the app's traffic goes past the proxy", "give it another user");
  }
  for (const char* list : {"containers", "initContainers"}) {
    const auto* containers = inject::member(spec, list);
    if (containers == nullptr) continue;
    for (std::size_t i = 0; i < containers->size(); ++i) {
      const auto& container = (*containers)[i];
      const auto name = inject::textAt(container, "name");
      const auto field = at + "." + list + "[" + std::to_string(i) + "]";
      const bool own = name == inject::kProxyContainer || name == inject::kInitContainer;
      if (injected && !own && runsAsProxy(container)) {
        report.add(Code::proxy_user, *workload.resource, field + ".securityContext.runAsUser",
                   "container " + name + " runs as user 1337, the proxy's own: its traffic goes past the proxy",
                   "give it another user");
      }
      if (inject::textAt(container, "image") != "auto" || !inject::checkPod(workload.pod->pod)) continue;
      const auto* labels = world.namespaceLabels(workload.ns);
      if (labels == nullptr && !world.options().cluster) continue;
      const auto decision = inject::decide(workload.pod->pod, world.options().injection,
                                           {workload.ns, labels == nullptr ? api::Labels{} : *labels, false});
      if (decision.inject) continue;
      report.add(Code::image_auto, *workload.resource, field + ".image",
                 "container " + name + " has image auto, which injection replaces, but the pod is not injected: " +
                     decision.reason + "; its image cannot be pulled",
                 "label the namespace or the pod for injection (sidecar.istio.io/inject: \"true\")",
                 workload.isPod ? Severity::error : Severity::warning);
    }
  }
}

}  // namespace

void checkInjection(const World& world, Reporter& report) {
  checkNamespaces(world, report);
  checkPods(world, report);
  for (const auto& workload : world.workloads()) {
    if (workload.resource != nullptr && workload.ns != "kube-system") checkContainers(world, workload, report);
  }
}

}  // namespace fairway::analyze
