#include <array>

#include "diagnose/kubernetes_version.h"
#include "diagnose/support.h"

namespace fairway::diagnose {

using nlohmann::json;

namespace {

struct Right {
  const char* group;
  const char* resource;
  bool inNamespace;
};
constexpr std::array kInstallerRights = {
    Right{"apiextensions.k8s.io", "customresourcedefinitions", false},
    Right{"admissionregistration.k8s.io", "mutatingwebhookconfigurations", false},
    Right{"admissionregistration.k8s.io", "validatingwebhookconfigurations", false},
    Right{"rbac.authorization.k8s.io", "clusterroles", false},
    Right{"rbac.authorization.k8s.io", "clusterrolebindings", false},
    Right{"rbac.authorization.k8s.io", "roles", true},
    Right{"rbac.authorization.k8s.io", "rolebindings", true},
    Right{"apps", "deployments", true},
    Right{"policy", "poddisruptionbudgets", true},
    Right{"", "services", true},
    Right{"", "serviceaccounts", true},
    Right{"", "configmaps", true},
    Right{"", "secrets", true},
};

bool ownWebhook(const json& configuration) { return labelOf(configuration, "app.kubernetes.io/name") == "fairway"; }

}  // namespace

void checkVersion(Cluster& cluster, const Options& /*options*/, Findings& out) {
  const auto version = cluster.get("/version");
  if (!version) {
    out.push_back({"FW0001", Severity::error, "", "the API server does not answer: " + version.error().message,
                   "kubectl cluster-info"});
    return;
  }
  if (!*version) return;
  const auto minor = minorVersion(textAt(**version, "/minor")).value_or(0);
  const auto name = textAt(**version, "/gitVersion");
  if (textAt(**version, "/major") != "1" || minor < kOldestMinor) {
    out.push_back({"FW0002", Severity::error, "",
                   "Kubernetes " + name + " is too old; 1." + std::to_string(kOldestMinor) + " or newer is needed",
                   "upgrade the cluster"});
  } else if (minor < kNativeSidecarsMinor) {
    out.push_back(
        {"FW0002", Severity::info, "",
         "Kubernetes " + name +
             " has no native sidecars (1.29 and newer): the proxy runs as a plain container, "
             "and Jobs do not finish by themselves",
         "upgrade the cluster, or keep Jobs out of the mesh with the pod label sidecar.istio.io/inject=false"});
  }
}

void checkInstaller(Cluster& cluster, const Options& options, Findings& out) {
  for (const auto& right : kInstallerRights) {
    const json attributes{{"verb", "create"},
                          {"group", right.group},
                          {"resource", right.resource},
                          {"namespace", right.inNamespace ? options.rootNamespace : ""}};
    const auto answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                                       {{"apiVersion", "authorization.k8s.io/v1"},
                                        {"kind", "SelfSubjectAccessReview"},
                                        {"spec", {{"resourceAttributes", attributes}}}});
    const std::string what = std::string(right.resource) +
                             (*right.group == '\0' ? "" : "." + std::string(right.group)) +
                             (right.inNamespace ? " in namespace " + options.rootNamespace : "");
    if (!answer) {
      out.push_back({"FW0003", Severity::error, "",
                     "it cannot be told who may create " + what + ": " + answer.error().message,
                     "kubectl auth can-i create " + std::string(right.resource)});
      return;
    }
    if (objectAt(*answer, "/status").value("allowed", false)) continue;
    out.push_back({"FW0003", Severity::error, "", "you may not create " + what + ", which an installation does",
                   "install as a cluster administrator, or ask one for this right"});
  }
}

void checkForeignMesh(Cluster& cluster, const Options& options, Findings& out) {
  const std::string base = "/apis/admissionregistration.k8s.io/v1/";
  for (const auto* kind : {"mutatingwebhookconfigurations", "validatingwebhookconfigurations"}) {
    const bool mutating = std::string_view(kind).front() == 'm';
    for (const auto& configuration : listOr(cluster, base + kind, kind, out)) {
      const auto app = labelOf(configuration, "app");
      if ((app != "sidecar-injector" && app != "istiod") || ownWebhook(configuration)) continue;
      const auto revision = labelOf(configuration, "istio.io/rev");
      const bool same = revision == options.revision || (revision.empty() && options.revision == "default");
      const auto object = objectName(mutating ? "MutatingWebhookConfiguration" : "ValidatingWebhookConfiguration", "",
                                     nameOf(configuration));
      if (same) {
        out.push_back({"FW0004", Severity::error, object,
                       "another mesh is installed with revision \"" + options.revision +
                           "\": both would inject the same pods, and names clash",
                       "install with another revision: helm install ... --set revision=fairway"});
      } else {
        out.push_back({"FW0004", Severity::info, object,
                       "another mesh is installed with revision \"" + revision + "\"; both can run side by side",
                       "move namespaces one by one: kubectl label namespace NAME istio.io/rev=" + options.revision +
                           " --overwrite"});
      }
    }
  }
}

void checkPodSecurity(Cluster& cluster, const Options& options, Findings& out) {
  for (const auto& ns : listOr(cluster, "/api/v1/namespaces", "namespaces", out)) {
    const auto level = labelOf(ns, "pod-security.kubernetes.io/enforce");
    if (level.empty() || level == "privileged" || textAt(ns, "/status/phase") == "Terminating") continue;
    const bool member = labelOf(ns, "istio-injection") == "enabled" || labelOf(ns, "istio.io/rev") == options.revision;
    if (!member) continue;
    out.push_back(
        {"FW0006", Severity::error, objectName("Namespace", "", nameOf(ns)),
         "Pod Security level \"" + level + "\" forbids NET_ADMIN, which istio-init needs: pods are refused",
         "kubectl label namespace " + nameOf(ns) + " pod-security.kubernetes.io/enforce=privileged --overwrite"});
  }
}

Findings checkBefore(Cluster& cluster, const Options& options) {
  Findings out;
  checkVersion(cluster, options, out);
  if (!out.empty() && out.front().code == "FW0001") return out;  // nothing else would say more
  checkInstaller(cluster, options, out);
  checkForeignMesh(cluster, options, out);
  checkPodSecurity(cluster, options, out);
  checkClocks(cluster, options, out);
  return sorted(std::move(out));
}

}  // namespace fairway::diagnose
