#include "control/gateway_infrastructure.h"

#include <algorithm>
#include <array>
#include <set>

#include "kube/fields.h"

namespace fairway::control {

using Json = nlohmann::json;
using kube::child;
using kube::text;

namespace {

// Which labels and annotations of an object came from the Gateway: those that are no longer there are removed again.
constexpr const char* kPropagated = "gateway.istio.io/propagated";
constexpr const char* kGatewayName = "gateway.networking.k8s.io/gateway-name";
constexpr const char* kRevisionLabel = "istio.io/rev";
constexpr const char* kDefaultRevision = "default";
constexpr const char* kClass = "istio";
constexpr const char* kController = "istio.io/gateway-controller";

struct Made {
  const char* kind;
  kube::Resource resource;
};
const Made kDeployment{"Deployment", {"apps", "v1", "deployments", "", ""}};
const Made kService{"Service", {"", "v1", "services", "", ""}};
const Made kAccount{"ServiceAccount", {"", "v1", "serviceaccounts", "", ""}};

Json toJson(const model::Labels& labels) {
  Json result = Json::object();
  for (const auto& [key, value] : labels) result[key] = value;
  return result;
}

// Where a key is one that the injector listens to: istio.io itself and what is below it.
bool isForInjector(const std::string& key) {
  const auto domain = key.substr(0, std::min(key.find('/'), key.size()));
  if (domain == "topology.istio.io" || domain == "networking.istio.io") return false;
  return domain == "istio.io" || domain.ends_with(".istio.io");
}

Json forPods(const model::Labels& labels) {
  Json result = Json::object();
  for (const auto& [key, value] : labels) {
    if (!isForInjector(key)) result[key] = value;
  }
  return result;
}

std::string keysOf(const model::Labels& labels) {
  std::string result;
  for (const auto& [key, value] : labels) result += (result.empty() ? "" : ",") + key;
  return result;
}

Json metadataOf(const model::GatewayDeployment& gateway, const std::string& revision) {
  auto labels = toJson(gateway.labels);
  labels[kGatewayName] = gateway.gateway;
  labels["istio.io/gateway-name"] = gateway.gateway;
  labels[kManagedLabel] = kManagedValue;
  labels[kRevisionLabel] = revision;
  auto annotations = toJson(gateway.annotations);
  annotations[kPropagated] = keysOf(gateway.labels) + ";" + keysOf(gateway.annotations);
  Json owner{{"apiVersion", "gateway.networking.k8s.io/v1"},
             {"kind", "Gateway"},
             {"name", gateway.gateway},
             {"uid", gateway.uid}};
  return {{"name", gateway.name},
          {"namespace", gateway.ns},
          {"labels", std::move(labels)},
          {"annotations", std::move(annotations)},
          {"ownerReferences", Json::array({std::move(owner)})}};
}

Json accountOf(const model::GatewayDeployment& gateway, const std::string& revision) {
  return {{"apiVersion", "v1"}, {"kind", "ServiceAccount"}, {"metadata", metadataOf(gateway, revision)}};
}

Json serviceOf(const model::GatewayDeployment& gateway, const std::string& revision) {
  Json ports = Json::array();
  for (const auto& port : gateway.ports) {
    ports.push_back({{"name", port.name}, {"port", port.number}, {"targetPort", port.number}, {"protocol", "TCP"}});
  }
  Json spec{
      {"type", gateway.serviceType}, {"selector", {{kGatewayName, gateway.gateway}}}, {"ports", std::move(ports)}};
  if (!gateway.loadBalancerIp.empty()) spec["loadBalancerIP"] = gateway.loadBalancerIp;
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata", metadataOf(gateway, revision)},
          {"spec", std::move(spec)}};
}

Json podOf(const model::GatewayDeployment& gateway, const std::string& revision) {
  auto labels = forPods(gateway.labels);
  labels[kGatewayName] = gateway.gateway;
  labels["istio.io/gateway-name"] = gateway.gateway;
  labels["service.istio.io/canonical-name"] = gateway.name;
  labels["service.istio.io/canonical-revision"] = "latest";
  labels["sidecar.istio.io/inject"] = "true";
  if (revision != kDefaultRevision) labels[kRevisionLabel] = revision;
  auto annotations = forPods(gateway.annotations);
  annotations["inject.istio.io/templates"] = "gateway";
  annotations["prometheus.io/scrape"] = "true";
  annotations["prometheus.io/port"] = "15020";
  annotations["prometheus.io/path"] = "/stats/prometheus";
  const Json context{{"allowPrivilegeEscalation", false},
                     {"readOnlyRootFilesystem", true},
                     {"runAsNonRoot", true},
                     {"runAsUser", 1337},
                     {"runAsGroup", 1337},
                     {"capabilities", {{"drop", Json::array({"ALL"})}}}};
  const Json container{
      {"name", "istio-proxy"},
      {"image", "auto"},  // filled in at injection; a pod that is not injected cannot start
      {"imagePullPolicy", "IfNotPresent"},
      {"ports", Json::array({{{"name", "status-port"}, {"containerPort", 15021}, {"protocol", "TCP"}},
                             {{"name", "http-envoy-prom"}, {"containerPort", 15090}, {"protocol", "TCP"}}})},
      {"resources",
       {{"requests", {{"cpu", "100m"}, {"memory", "128Mi"}}}, {"limits", {{"cpu", "2"}, {"memory", "1Gi"}}}}},
      {"securityContext", context}};
  // Ports below 1024 are opened without a capability, by the sysctl.
  const Json podContext{{"seccompProfile", {{"type", "RuntimeDefault"}}},
                        {"sysctls", Json::array({{{"name", "net.ipv4.ip_unprivileged_port_start"}, {"value", "0"}}})}};
  return {{"metadata", {{"labels", std::move(labels)}, {"annotations", std::move(annotations)}}},
          {"spec",
           {{"serviceAccountName", gateway.name},
            {"automountServiceAccountToken", false},
            {"securityContext", podContext},
            {"containers", Json::array({container})}}}};
}

Json deploymentOf(const model::GatewayDeployment& gateway, const std::string& revision) {
  return {{"apiVersion", "apps/v1"},
          {"kind", "Deployment"},
          {"metadata", metadataOf(gateway, revision)},
          {"spec",
           {{"selector", {{"matchLabels", {{kGatewayName, gateway.gateway}}}}},
            {"strategy", {{"type", "RollingUpdate"}, {"rollingUpdate", {{"maxSurge", 1}, {"maxUnavailable", 0}}}}},
            {"template", podOf(gateway, revision)}}}};
}

// Whether all that is wanted is there; the API server adds defaults, and others what is theirs.
bool isPart(const Json& wanted, const Json& known) {
  if (wanted.is_object()) {
    return known.is_object() && std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& entry) {
             return known.contains(entry.key()) && isPart(entry.value(), known.at(entry.key()));
           });
  }
  if (wanted.is_array()) {
    return known.is_array() && wanted.size() == known.size() &&
           std::equal(wanted.begin(), wanted.end(), known.begin(),
                      [](const Json& a, const Json& b) { return isPart(a, b); });
  }
  return wanted == known;
}

// What the Gateway no longer says becomes null, which removes it. False if there is nothing of that kind.
bool addRemovals(const Json& known, Json& wanted) {
  const auto before = text(child(child(known, "metadata"), "annotations"), kPropagated);
  const auto middle = std::min(before.find(';'), before.size());
  bool any = false;
  const auto remove = [&](std::string_view keys, const char* field, Json& to, const Json& from) {
    while (!keys.empty()) {
      const auto end = std::min(keys.find(','), keys.size());
      const std::string key(keys.substr(0, end));
      keys.remove_prefix(std::min(end + 1, keys.size()));
      if (to[field].contains(key) || !child(from, field).contains(key)) continue;
      to[field][key] = nullptr;
      any = true;
    }
  };
  const auto labels = std::string_view(before).substr(0, middle);
  const auto annotations = std::string_view(before).substr(std::min(middle + 1, before.size()));
  const auto both = [&](Json& to, const Json& from) {
    remove(labels, "labels", to, from);
    remove(annotations, "annotations", to, from);
  };
  both(wanted["metadata"], child(known, "metadata"));
  if (wanted.contains("spec") && wanted["spec"].contains("template")) {
    both(wanted["spec"]["template"]["metadata"], child(child(child(known, "spec"), "template"), "metadata"));
  }
  return any;
}

std::string nameOf(const Made& made, const api::NamespacedName& key) {
  return std::string(made.kind) + " " + key.toString();
}

void addWrite(const Made& made, Json wanted, const kube::Mirror::Objects& known, std::vector<Write>& writes) {
  const api::NamespacedName key{text(wanted.at("metadata"), "namespace"), text(wanted.at("metadata"), "name")};
  const auto found = known.find(key);
  Write write{"gateway infrastructure", nameOf(made, key), {}};
  if (found == known.end()) {
    write.call = kube::createCall(kube::objectPath(made.resource, key.ns), wanted.dump());
    writes.push_back(std::move(write));
    return;
  }
  const bool removals = addRemovals(found->second, wanted);
  if (!removals && isPart(wanted, found->second)) return;
  write.call =
      kube::patchCall(kube::objectPath(made.resource, key.ns, key.name), kube::PatchType::merge, wanted.dump());
  writes.push_back(std::move(write));
}

bool isOurs(const std::string& label, const std::string& revision) { return label.empty() || label == revision; }

}  // namespace

std::vector<Write> gatewayInfrastructureWrites(const std::vector<model::GatewayDeployment>& wanted,
                                               const GatewayInfrastructure& known, const std::string& revision) {
  std::vector<Write> writes;
  std::set<api::NamespacedName> kept;
  for (const auto& gateway : wanted) {
    if (!isOurs(gateway.revision, revision)) continue;
    kept.insert({gateway.ns, gateway.name});
    addWrite(kAccount, accountOf(gateway, revision), known.accounts, writes);
    addWrite(kDeployment, deploymentOf(gateway, revision), known.deployments, writes);
    addWrite(kService, serviceOf(gateway, revision), known.services, writes);
  }
  for (const auto& [made, objects] :
       {std::pair{&kService, &known.services}, {&kDeployment, &known.deployments}, {&kAccount, &known.accounts}}) {
    for (const auto& [key, object] : *objects) {
      if (kept.contains(key)) continue;
      const auto& meta = child(object, "metadata");
      if (text(child(meta, "labels"), kRevisionLabel) != revision || !text(meta, "deletionTimestamp").empty()) continue;
      writes.push_back(
          {"gateway infrastructure", nameOf(*made, key),
           kube::removeCall(kube::objectPath(made->resource, key.ns, key.name), text(meta, "resourceVersion"))});
    }
  }
  return writes;
}

std::vector<Write> gatewayClassWrites(const kube::Mirror::Objects& classes, const std::string& version) {
  if (classes.contains({"", kClass})) return {};
  const kube::Resource resource{"gateway.networking.k8s.io", version, "gatewayclasses", "", ""};
  const Json object{
      {"apiVersion", "gateway.networking.k8s.io/" + version},
      {"kind", "GatewayClass"},
      {"metadata", {{"name", kClass}}},
      {"spec", {{"controllerName", kController}, {"description", "Gateways of the mesh, made by Fairway"}}}};
  return {{"GatewayClass", std::string("GatewayClass ") + kClass,
           kube::createCall(kube::objectPath(resource, ""), object.dump())}};
}

}  // namespace fairway::control
