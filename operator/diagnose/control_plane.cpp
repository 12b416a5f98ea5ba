#include <algorithm>
#include <set>

#include "api/codec.h"
#include "diagnose/support.h"

namespace fairway::diagnose {

using nlohmann::json;

namespace {

std::string deploymentPath(const Options& options) {
  return "/apis/apps/v1/namespaces/" + options.rootNamespace + "/deployments/" + withRevision("fairway", options);
}

std::string tagOf(const std::string& image) {
  const auto colon = image.rfind(':');
  const auto slash = image.rfind('/');
  if (colon == std::string::npos || (slash != std::string::npos && colon < slash)) return {};
  return image.substr(colon + 1);
}

// What a pod's containers say about not running.
std::string whyNotReady(const json& pod) {
  for (const auto* list : {"/status/initContainerStatuses", "/status/containerStatuses"}) {
    for (const auto& status : itemsAt(pod, list)) {
      for (const auto* state : {"/state/waiting", "/state/terminated", "/lastState/terminated"}) {
        const auto reason = textAt(status, std::string(state) + "/reason");
        if (reason.empty() || reason == "Completed") continue;
        const auto message = textAt(status, std::string(state) + "/message");
        return "container " + textAt(status, "/name") + ": " + reason + (message.empty() ? "" : ", " + message);
      }
    }
  }
  for (const auto& condition : itemsAt(pod, "/status/conditions")) {
    if (textAt(condition, "/status") == "False" && !textAt(condition, "/message").empty()) {
      return textAt(condition, "/message");
    }
  }
  return {};
}

// May the control plane's service account do this? Nothing when it cannot be told.
std::optional<bool> mayServiceAccount(Cluster& cluster, const Options& options, const json& attributes) {
  const auto account = withRevision("fairway", options);
  const json review{
      {"apiVersion", "authorization.k8s.io/v1"},
      {"kind", "SubjectAccessReview"},
      {"spec",
       {{"user", "system:serviceaccount:" + options.rootNamespace + ":" + account},
        {"groups",
         {"system:serviceaccounts", "system:serviceaccounts:" + options.rootNamespace, "system:authenticated"}},
        {"resourceAttributes", attributes}}}};
  const auto answer = cluster.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review);
  if (!answer) return std::nullopt;
  return objectAt(*answer, "/status").value("allowed", false);
}

}  // namespace

void checkControlPlane(Cluster& cluster, const Options& options, Findings& out) {
  const auto name = withRevision("fairway", options);
  const auto object = objectName("Deployment", options.rootNamespace, name);
  const auto deployment = getOr(cluster, deploymentPath(options), object, out);
  if (!deployment) {
    if (out.empty() || out.back().code != "FW0003") {
      out.push_back({"FW0101", Severity::error, object, "the control plane is not installed",
                     "helm install fairway charts/fairway -n " + options.rootNamespace});
    }
    return;
  }
  const auto status = objectAt(*deployment, "/status");
  const auto wanted = objectAt(*deployment, "/spec").value("replicas", 1);
  const auto ready = status.value("readyReplicas", 0);
  if (ready < wanted) {
    std::string why;
    for (const auto& pod :
         listOr(cluster, "/api/v1/namespaces/" + options.rootNamespace + "/pods?labelSelector=app%3Distiod",
                "pods of " + options.rootNamespace, out)) {
      if (labelOf(pod, "istio.io/rev") == options.revision && why.empty()) why = whyNotReady(pod);
    }
    out.push_back({"FW0102", ready == 0 ? Severity::error : Severity::warning, object,
                   std::to_string(ready) + " of " + std::to_string(wanted) + " replicas are ready" +
                       (why.empty() ? "" : ": " + why),
                   "kubectl -n " + options.rootNamespace + " describe pods -l app=istiod"});
  }
  for (const auto& container : itemsAt(*deployment, "/spec/template/spec/containers")) {
    const auto tag = tagOf(textAt(container, "/image"));
    if (tag.empty() || tag.starts_with(options.version)) continue;
    out.push_back({"FW0111", Severity::info, object, "it runs version " + tag + ", this program is " + options.version,
                   "use the program of the version that is installed"});
  }
}

void checkDefinitions(Cluster& cluster, const Options& /*options*/, Findings& out) {
  for (const auto& kind : api::allKinds()) {
    if (!kind.custom || kind.optional) continue;
    const auto name = std::string(kind.plural) + "." + std::string(kind.group);
    const auto object = objectName("CustomResourceDefinition", "", name);
    const std::string fix = "helm upgrade --install fairway-base charts/fairway-base -n istio-system";
    const auto found = getOr(cluster, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/" + name, object, out);
    if (!found) {
      if (out.empty() || out.back().code != "FW0003") {
        out.push_back(
            {"FW0103", Severity::error, object, "it is not installed: objects of this kind do not exist", fix});
      }
      continue;
    }
    std::set<std::string> served;
    for (const auto& version : itemsAt(*found, "/spec/versions")) {
      if (version.value("served", false)) served.insert(textAt(version, "/name"));
    }
    const bool usable = std::any_of(kind.versions.begin(), kind.versions.end(),
                                    [&](std::string_view version) { return served.contains(std::string(version)); });
    if (!usable) {
      out.push_back({"FW0103", Severity::error, object, "it serves no version that is understood here", fix});
    }
  }
}

void checkServiceAccount(Cluster& cluster, const Options& options, Findings& out) {
  const auto account = objectName("ServiceAccount", options.rootNamespace, withRevision("fairway", options));
  const std::string fix = "helm upgrade fairway charts/fairway -n " + options.rootNamespace;
  std::vector<std::pair<std::string, json>> needs = {
      {"create tokenreviews.authentication.k8s.io",
       {{"verb", "create"}, {"group", "authentication.k8s.io"}, {"resource", "tokenreviews"}}},
      {"update leases.coordination.k8s.io in " + options.rootNamespace,
       {{"verb", "update"},
        {"group", "coordination.k8s.io"},
        {"resource", "leases"},
        {"namespace", options.rootNamespace}}},
      {"create configmaps", {{"verb", "create"}, {"group", ""}, {"resource", "configmaps"}}},
  };
  for (const auto& kind : api::allKinds()) {
    const auto full = std::string(kind.plural) + (kind.group.empty() ? "" : "." + std::string(kind.group));
    if (kind.name == "ConfigMap" || kind.name == "Secret") continue;  // bound to single names or namespaces by choice
    needs.emplace_back("watch " + full, json{{"verb", "watch"}, {"group", kind.group}, {"resource", kind.plural}});
  }
  for (const auto& [what, attributes] : needs) {
    const auto allowed = mayServiceAccount(cluster, options, attributes);
    if (!allowed) {
      out.push_back({"FW0112", Severity::info, account,
                     "what it may do cannot be told: you may not create SubjectAccessReviews",
                     "run the check as a cluster administrator"});
      return;
    }
    if (!*allowed)
      out.push_back({"FW0112", Severity::error, account, "it may not " + what + ", which the control plane does", fix});
  }
}

void checkLeader(Cluster& cluster, const Options& options, Findings& out) {
  const auto name = withRevision("fairway-leader", options);
  const auto object = objectName("Lease", options.rootNamespace, name);
  const auto lease = getOr(
      cluster, "/apis/coordination.k8s.io/v1/namespaces/" + options.rootNamespace + "/leases/" + name, object, out);
  const std::string effect = ": status, root certificates of new namespaces and webhook bundles are not written";
  const std::string fix = "kubectl -n " + options.rootNamespace + " logs -l app=istiod --tail=50";
  if (!lease) {
    if (out.empty() || out.back().code != "FW0003") {
      out.push_back({"FW0113", Severity::error, object, "no replica has ever been the leader" + effect, fix});
    }
    return;
  }
  const auto renewed = parseTime(textAt(*lease, "/spec/renewTime"));
  const auto duration = std::chrono::seconds(objectAt(*lease, "/spec").value("leaseDurationSeconds", 15));
  if (textAt(*lease, "/spec/holderIdentity").empty() || !renewed ||
      options.now - *renewed > duration + std::chrono::seconds(60)) {
    out.push_back({"FW0113", Severity::error, object, "no replica is the leader" + effect, fix});
  }
}

}  // namespace fairway::diagnose
