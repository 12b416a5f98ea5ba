#include "api/base64.h"
#include "diagnose/support.h"

namespace fairway::diagnose {

using nlohmann::json;

namespace {

struct Configuration {
  const char* resource;
  const char* kind;
  const char* name;
  const char* effect;
};
constexpr Configuration kInjector{"mutatingwebhookconfigurations", "MutatingWebhookConfiguration",
                                  "istio-sidecar-injector", "no pod gets a sidecar"};
constexpr Configuration kValidator{"validatingwebhookconfigurations", "ValidatingWebhookConfiguration",
                                   "istio-validator", "mistakes are told only after they are stored"};

std::string fixOf(const Options& options) {
  return "kubectl -n " + options.rootNamespace + " logs -l app=istiod --tail=50";
}

// Is there an endpoint that answers for the webhook's Service?
void checkService(Cluster& cluster, const std::string& object, const json& service, const Options& options,
                  Findings& out) {
  const auto ns = textAt(service, "/namespace");
  const auto name = textAt(service, "/name");
  if (name.empty()) return;
  const auto slices = cluster.list("/apis/discovery.k8s.io/v1/namespaces/" + ns +
                                   "/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3D" + name);
  if (!slices) return;
  for (const auto& slice : *slices) {
    for (const auto& endpoint : itemsAt(slice, "/endpoints")) {
      if (objectAt(endpoint, "/conditions").value("ready", true)) return;
    }
  }
  out.push_back({"FW0105", Severity::error, object,
                 "its Service " + ns + "/" + name +
                     " has no ready endpoint: what it admits is refused or passes unchanged, by its failurePolicy",
                 "kubectl -n " + options.rootNamespace + " get pods -l app=istiod"});
}

void checkConfiguration(Cluster& cluster, const Configuration& wanted, const std::string& roots, const Options& options,
                        Findings& out) {
  const auto name = withRevision(wanted.name, options);
  const auto object = objectName(wanted.kind, "", name);
  const auto path = std::string("/apis/admissionregistration.k8s.io/v1/") + wanted.resource + "/" + name;
  const auto before = out.size();
  const auto configuration = getOr(cluster, path, object, out);
  if (!configuration) {
    if (out.size() == before) {
      out.push_back({"FW0104", Severity::error, object, std::string("it is not installed: ") + wanted.effect,
                     "helm upgrade --install fairway charts/fairway -n " + options.rootNamespace});
    }
    return;
  }
  for (const auto& webhook : itemsAt(*configuration, "/webhooks")) {
    const auto bundle = api::decodeBase64(textAt(webhook, "/clientConfig/caBundle"));
    if (!bundle || bundle->empty()) {
      out.push_back({"FW0104", Severity::error, object,
                     "webhook " + textAt(webhook, "/name") + " has no caBundle: the API server cannot call it",
                     fixOf(options)});
      break;
    }
    if (!roots.empty() && *bundle != roots) {
      out.push_back(
          {"FW0104", Severity::error, object,
           "webhook " + textAt(webhook, "/name") + " trusts other roots than the mesh: the API server cannot call it",
           fixOf(options)});
      break;
    }
  }
  if (const auto webhooks = itemsAt(*configuration, "/webhooks"); !webhooks.empty()) {
    checkService(cluster, object, objectAt(webhooks.front(), "/clientConfig/service"), options, out);
  }
}

}  // namespace

void checkWebhooks(Cluster& cluster, const Options& options, Findings& out) {
  std::string roots;
  const auto map = cluster.get("/api/v1/namespaces/" + options.rootNamespace + "/configmaps/istio-ca-root-cert");
  if (map && *map) roots = textAt(**map, "/data/root-cert.pem");
  checkConfiguration(cluster, kInjector, roots, options, out);
  checkConfiguration(cluster, kValidator, roots, options, out);
}

}  // namespace fairway::diagnose
