#include "inject/parts.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"
#include "inject/names.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

constexpr const char* kProgram = "/usr/local/bin/fairway";

Json variable(std::string_view name, const std::string& value) { return {{"name", name}, {"value", value}}; }

Json fromField(std::string_view name, std::string_view path) {
  return {{"name", name}, {"valueFrom", {{"fieldRef", {{"fieldPath", path}}}}}};
}

std::string seconds(std::chrono::seconds time) { return std::to_string(time.count()) + "s"; }

// The first of these labels that the pod has.
std::string firstOf(const api::Labels& labels, std::initializer_list<std::string_view> keys) {
  for (const auto& key : keys) {
    const auto found = labels.find(std::string(key));
    if (found != labels.end() && !found->second.empty()) return found->second;
  }
  return {};
}

// A workload's name may be longer than a label's value.
std::string asLabelValue(std::string text) {
  text = text.substr(0, 63);
  while (!text.empty() && std::isalnum(static_cast<unsigned char>(text.back())) == 0) text.pop_back();
  return text;
}

std::string ownerOf(const Workload& workload, const std::string& ns) {
  return "kubernetes://apis/" + workload.apiVersion + "/namespaces/" + (ns.empty() ? "default" : ns) + "/" +
         toLower(workload.kind) + "s/" + workload.name;
}

// No more than leaves the kubelet's grace period 5 s to end the rest.
std::chrono::seconds drainTime(const PodOptions& options, const PodFacts& facts) {
  return std::clamp(facts.gracePeriod - std::chrono::seconds(5), std::chrono::seconds(1),
                    std::max(options.drain, std::chrono::seconds(1)));
}

Json environment(const Settings& settings, const PodOptions& options, const PodFacts& facts, bool gateway) {
  Json env = Json::array({
      fromField("POD_NAME", "metadata.name"),
      fromField("POD_NAMESPACE", "metadata.namespace"),
      fromField("SERVICE_ACCOUNT", "spec.serviceAccountName"),
      fromField("INSTANCE_IP", "status.podIP"),
      fromField("INSTANCE_IPS", "status.podIPs"),
      fromField("HOST_IP", "status.hostIP"),
      variable("FAIRWAY_PROXY_TYPE", gateway ? "router" : "sidecar"),
      variable("FAIRWAY_LABELS_FILE", "/etc/istio/pod/labels"),
      variable("FAIRWAY_WORK_DIR", "/run/fairway/agent"),
      variable("FAIRWAY_DISCOVERY_ADDRESS", discoveryAddressOf(settings)),
      variable("FAIRWAY_TRUST_DOMAIN", settings.trustDomain),
      variable("FAIRWAY_DOMAIN", settings.clusterDomain),
      variable("FAIRWAY_PROMETHEUS_ADDRESS", ":" + std::to_string(kEnvoyMetricsPort)),
      variable("FAIRWAY_CONCURRENCY", std::to_string(options.concurrency)),
      variable("FAIRWAY_DRAIN_TIME", seconds(drainTime(options, facts))),
      variable("FAIRWAY_MINIMUM_DRAIN_TIME", seconds(std::min(options.minimumDrain, drainTime(options, facts)))),
      variable("FAIRWAY_ENVOY_LOG_LEVEL", options.logLevel),
      variable("FAIRWAY_AGENT_LOG_LEVEL", options.agentLogLevel),
      variable("FAIRWAY_LOG_FORMAT", settings.logFormat),
  });
  if (gateway) {
    env.push_back(variable("FAIRWAY_UNPRIVILEGED", facts.lowPorts ? "false" : "true"));
  } else {
    env.push_back(
        variable("FAIRWAY_INTERCEPTION", options.traffic.mode == InterceptionMode::none ? "none" : "redirect"));
    env.push_back(variable("ISTIO_META_APP_CONTAINERS", join(facts.appContainers, ",")));
  }
  env.push_back(variable("ISTIO_META_CLUSTER_ID", settings.clusterId));
  env.push_back(variable("ISTIO_META_MESH_ID", settings.trustDomain));
  if (!settings.network.empty()) env.push_back(variable("ISTIO_META_NETWORK", settings.network));
  if (!facts.workload.name.empty()) {
    env.push_back(variable("ISTIO_META_WORKLOAD_NAME", facts.workload.name));
    env.push_back(variable("ISTIO_META_OWNER", ownerOf(facts.workload, facts.ns)));
  }
  if (!options.statsdAddress.empty()) env.push_back(variable("FAIRWAY_STATSD_ADDRESS", options.statsdAddress));
  for (const auto& [name, value] : options.env) {
    const auto same = std::find_if(env.begin(), env.end(), [&](const Json& item) { return item["name"] == name; });
    if (same == env.end()) {
      env.push_back(variable(name, value));
    } else {
      *same = variable(name, value);
    }
  }
  return env;
}

Json volumes() {
  const auto file = [](std::string_view path, std::string_view field) {
    return Json{{"path", path}, {"fieldRef", {{"fieldPath", field}}}};
  };
  // No defaultMode and no fsGroup: the kubelet writes the token so that the containers can read it whatever user they
  // run as, and what the agent makes in the emptyDir is its own.
  const Json token{
      {"serviceAccountToken", {{"audience", "istio-ca"}, {"expirationSeconds", 43200}, {"path", "istio-token"}}}};
  return Json::array(
      {{{"name", "istio-envoy"}, {"emptyDir", {{"medium", "Memory"}}}},
       {{"name", "istio-podinfo"},
        {"downwardAPI",
         {{"items", Json::array({file("labels", "metadata.labels"), file("annotations", "metadata.annotations")})}}}},
       {{"name", "istio-token"}, {"projected", {{"sources", Json::array({token})}}}},
       {{"name", "istiod-ca-cert"}, {"configMap", {{"name", "istio-ca-root-cert"}}}}});
}

Json volumeMounts() {
  const auto mount = [](std::string_view name, std::string_view path) {
    return Json{{"name", name}, {"mountPath", path}};
  };
  const auto reading = [&](std::string_view name, std::string_view path) {
    Json result = mount(name, path);
    result["readOnly"] = true;
    return result;
  };
  return Json::array({mount("istio-envoy", "/run/fairway"), reading("istio-podinfo", "/etc/istio/pod"),
                      reading("istio-token", "/var/run/secrets/tokens"),
                      reading("istiod-ca-cert", "/var/run/secrets/istio")});
}

Json healthProbe(int period, int failures) {
  return {{"httpGet", {{"path", "/healthz/ready"}, {"port", kHealthPort}}},
          {"periodSeconds", period},
          {"timeoutSeconds", 3},
          {"failureThreshold", failures}};
}

Json security(std::uint32_t user, std::uint32_t group) {
  return {{"allowPrivilegeEscalation", false},
          {"capabilities", {{"drop", Json::array({"ALL"})}}},
          {"privileged", false},
          {"readOnlyRootFilesystem", true},
          {"runAsGroup", group},
          {"runAsNonRoot", user != 0},
          {"runAsUser", user},
          {"seccompProfile", {{"type", "RuntimeDefault"}}}};
}

void setPullPolicy(const Settings& settings, Json& container) {
  if (!settings.pullPolicy.empty()) container["imagePullPolicy"] = settings.pullPolicy;
}

Json proxyContainer(const Settings& settings, const PodOptions& options, const PodFacts& facts, bool gateway) {
  Json container{
      {"name", kProxyContainer},
      {"image", options.image},
      {"args", Json::array({"agent"})},
      {"env", environment(settings, options, facts, gateway)},
      {"ports",
       Json::array({{{"name", "http-envoy-prom"}, {"containerPort", kEnvoyMetricsPort}, {"protocol", "TCP"}}})},
      {"readinessProbe", healthProbe(15, 4)},
      {"startupProbe", healthProbe(1, 600)},
      {"securityContext", security(facts.proxyUser, facts.proxyGroup)},
      {"volumeMounts", volumeMounts()}};
  for (const auto& mount : options.volumeMounts) container["volumeMounts"].push_back(mount);
  setPullPolicy(settings, container);
  return container;
}

Json initContainer(const Settings& settings, const PodOptions& options, const PodFacts& facts) {
  const auto& traffic = options.traffic;
  const auto user = facts.proxyUser == 0 ? kProxyUser : facts.proxyUser;
  const auto own = std::string("15090,15021,15020");
  const Json args = Json::array({
      "intercept",
      "--outbound-port=" + std::to_string(kOutboundPort),
      "--inbound-port=" + std::to_string(kInboundPort),
      "--proxy-uid=" + std::to_string(user),
      "--proxy-gid=" + std::to_string(facts.proxyGroup == 0 ? kProxyUser : facts.proxyGroup),
      "--include-outbound-cidrs=" + traffic.includeOutboundCidrs,
      "--exclude-outbound-cidrs=" + traffic.excludeOutboundCidrs,
      "--include-outbound-ports=" + traffic.includeOutboundPorts,
      "--exclude-outbound-ports=" + traffic.excludeOutboundPorts,
      "--include-inbound-ports=" + traffic.includeInboundPorts,
      "--exclude-inbound-ports=" +
          (traffic.excludeInboundPorts.empty() ? own : traffic.excludeInboundPorts + "," + own),
      "--exclude-interfaces=" + traffic.excludeInterfaces,
  });
  Json container{{"name", kInitContainer},
                 {"image", options.image},
                 {"args", args},
                 {"env", Json::array({variable("FAIRWAY_LOG_FORMAT", settings.logFormat)})},
                 {"resources", settings.initResources},
                 {"securityContext", security(0, 0)}};
  container["securityContext"]["capabilities"]["add"] = Json::array({"NET_ADMIN", "NET_RAW"});
  setPullPolicy(settings, container);
  return container;
}

Json metadata(const Settings& settings, const PodFacts& facts) {
  const auto name = firstOf(facts.labels, {kCanonicalName, "app.kubernetes.io/name", "app"});
  const auto revision = firstOf(facts.labels, {kCanonicalRevision, "app.kubernetes.io/version", "version"});
  const auto served = firstOf(facts.labels, {kRevision});
  Json labels{{kCanonicalRevision, revision.empty() ? "latest" : revision},
              {kRevision, served.empty() ? settings.revision : served}};
  const auto canonical = name.empty() ? asLabelValue(facts.workload.name) : name;
  if (!canonical.empty()) labels[std::string(kCanonicalName)] = canonical;
  if (!settings.network.empty()) labels["topology.istio.io/network"] = settings.network;
  return {{"labels", labels}};
}

Json spec(const Settings& settings, const PodOptions& options) {
  Json result{{"volumes", volumes()}};
  for (const auto& volume : options.volumes) result["volumes"].push_back(volume);
  for (const auto& secret : settings.pullSecrets) result["imagePullSecrets"].push_back({{"name", secret}});
  return result;
}

}  // namespace

Json sidecarPart(const Settings& settings, const PodOptions& options, const PodFacts& facts) {
  Json part{{"metadata", metadata(settings, facts)}, {"spec", spec(settings, options)}};
  if (!facts.labels.contains(std::string(kTlsMode))) part["metadata"]["labels"][std::string(kTlsMode)] = "istio";
  auto proxy = proxyContainer(settings, options, facts, false);
  if (!options.resources.empty()) proxy["resources"] = options.resources;
  if (options.native) {
    proxy["restartPolicy"] = "Always";
    // The kubelet sends a native sidecar its SIGTERM only when the app has ended; draining begins with the hook.
    proxy["lifecycle"] = {{"preStop", {{"exec", {{"command", Json::array({kProgram, "agent", "drain"})}}}}}};
    part["spec"]["initContainers"].push_back(std::move(proxy));
  } else {
    if (options.holdApplication) {
      // Containers start in order, each after the hook of the one before.
      proxy["lifecycle"] = {{"postStart", {{"exec", {{"command", Json::array({kProgram, "agent", "wait"})}}}}}};
    }
    part["spec"]["containers"].push_back(std::move(proxy));
  }
  if (settings.initContainer && options.traffic.mode == InterceptionMode::redirect) {
    part["spec"]["initContainers"].push_back(initContainer(settings, options, facts));
  }
  return part;
}

Json gatewayPart(const Settings& settings, const PodOptions& options, const PodFacts& facts) {
  Json part{{"metadata", metadata(settings, facts)}, {"spec", spec(settings, options)}};
  auto proxy = proxyContainer(settings, options, facts, true);
  // How big a gateway is, its own Deployment says; limits from here might be below its requests.
  if (options.ownResources) proxy["resources"] = options.resources;
  part["spec"]["containers"].push_back(std::move(proxy));
  return part;
}

}  // namespace fairway::inject
