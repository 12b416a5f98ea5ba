#include <algorithm>
#include <array>

#include "diagnose/support.h"
#include "identity/pki.h"

namespace fairway::diagnose {

using nlohmann::json;

namespace {

constexpr const char* kName = "istio-ca-root-cert";
constexpr std::chrono::hours kSoon{24 * 30};
// Kubernetes' own, where no pod of the mesh runs: they are not written to.
constexpr std::array kLeftAlone = {"kube-system", "kube-public", "kube-node-lease"};

void checkExpiry(const std::string& object, const std::string& pem, const Options& options, Findings& out) {
  const std::string fix =
      "kubectl -n " + options.rootNamespace + " delete secret istio-ca-secret; kubectl -n " + options.rootNamespace +
      " rollout restart deployment; then restart every pod of the mesh (connections fail until that is done)";
  const auto roots = identity::Certificate::chainFromPem(pem);
  if (!roots) {
    out.push_back({"FW0106", Severity::error, object, "root-cert.pem holds no certificate: " + roots.error().message,
                   "kubectl -n " + options.rootNamespace + " delete configmap " + kName + "   (it is written anew)"});
    return;
  }
  for (const auto& root : *roots) {
    const auto left = std::chrono::duration_cast<std::chrono::hours>(root.notAfter() - options.now);
    if (left.count() <= 0) {
      out.push_back(
          {"FW0106", Severity::error, object, "a root certificate has expired: proxies do not trust each other", fix});
    } else if (left < kSoon) {
      out.push_back({"FW0106", Severity::warning, object,
                     "a root certificate expires in " + std::to_string(left.count() / 24) + " days", fix});
    }
  }
}

}  // namespace

void checkRoots(Cluster& cluster, const Options& options, Findings& out) {
  const auto path = [](const std::string& ns) { return "/api/v1/namespaces/" + ns + "/configmaps/" + kName; };
  const auto own = objectName("ConfigMap", options.rootNamespace, kName);
  const auto before = out.size();
  const auto root = getOr(cluster, path(options.rootNamespace), own, out);
  if (!root) {
    if (out.size() == before) {
      out.push_back({"FW0107", Severity::error, own,
                     "the mesh's root certificate is not published: proxies cannot start",
                     "kubectl -n " + options.rootNamespace + " logs -l app=istiod --tail=50"});
    }
    return;
  }
  const auto pem = textAt(*root, "/data/root-cert.pem");
  checkExpiry(own, pem, options, out);
  for (const auto& ns : listOr(cluster, "/api/v1/namespaces", "namespaces", out)) {
    const auto name = nameOf(ns);
    if (name == options.rootNamespace || textAt(ns, "/status/phase") == "Terminating") continue;
    if (std::find(kLeftAlone.begin(), kLeftAlone.end(), name) != kLeftAlone.end()) continue;
    if (!options.ns.empty() && name != options.ns) continue;
    const auto copy = cluster.get(path(name));
    if (!copy) continue;
    if (*copy && textAt(**copy, "/data/root-cert.pem") == pem) continue;
    out.push_back({"FW0107", Severity::error, objectName("ConfigMap", name, kName),
                   *copy ? "it differs from the mesh's root certificate: proxies of the namespace cannot connect"
                         : "it is missing: pods of the namespace wait in ContainerCreating",
                   "kubectl -n " + options.rootNamespace + " logs -l app=istiod --tail=50"});
  }
}

}  // namespace fairway::diagnose
