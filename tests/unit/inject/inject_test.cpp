#include "inject/inject.h"

#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

TEST_CASE("a plain pod gets istio-init, the native sidecar, volumes, labels and a status") {
  const auto outcome = injected(pod("{labels: {app: web, version: v2}}"));
  const auto& result = outcome.pod;
  CHECK(outcome.warnings.empty());
  CHECK(names(result, "initContainers") == std::vector<std::string>{"istio-init", "istio-proxy"});
  CHECK(names(result, "containers") == std::vector<std::string>{"web"});
  CHECK(names(result, "volumes") ==
        std::vector<std::string>{"istio-envoy", "istio-podinfo", "istio-token", "istiod-ca-cert"});

  const auto proxy = container(result, "initContainers", "istio-proxy");
  CHECK(proxy["restartPolicy"] == "Always");
  CHECK(proxy["args"] == Json::array({"agent"}));
  CHECK(proxy["startupProbe"]["httpGet"] == yaml("{path: /healthz/ready, port: 15021}"));
  CHECK(proxy["lifecycle"]["preStop"]["exec"]["command"] == Json::array({"/usr/local/bin/fairway", "agent", "drain"}));
  CHECK(proxy["securityContext"] == yaml(R"(
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
privileged: false
readOnlyRootFilesystem: true
runAsGroup: 1337
runAsNonRoot: true
runAsUser: 1337
seccompProfile: {type: RuntimeDefault}
)"));
  CHECK(variable(proxy, "FAIRWAY_DISCOVERY_ADDRESS") == "istiod.istio-system.svc:15012");
  CHECK(variable(proxy, "ISTIO_META_APP_CONTAINERS") == "web");
  CHECK(variable(proxy, "ISTIO_META_WORKLOAD_NAME") == "web-0");
  CHECK(variable(proxy, "ISTIO_KUBE_APP_PROBERS").empty());

  const auto init = container(result, "initContainers", "istio-init");
  CHECK(init["securityContext"]["capabilities"] == yaml("{add: [NET_ADMIN, NET_RAW], drop: [ALL]}"));
  CHECK(init["securityContext"]["runAsUser"] == 0);
  CHECK(init["securityContext"]["privileged"] == false);
  CHECK(init["args"][0] == "intercept");
  CHECK(init["args"].dump().find("--exclude-inbound-ports=15090,15021,15020") != std::string::npos);

  const auto labels = labelsOf(result);
  CHECK(labels.at("security.istio.io/tlsMode") == "istio");
  CHECK(labels.at("service.istio.io/canonical-name") == "web");
  CHECK(labels.at("service.istio.io/canonical-revision") == "v2");
  CHECK(labels.at("istio.io/rev") == "default");
  const auto annotations = annotationsOf(result);
  const auto status = Json::parse(annotations.at("sidecar.istio.io/status"));
  CHECK(status["initContainers"] == Json::array({"istio-init", "istio-proxy"}));
  CHECK(status["containers"].empty());
  CHECK(status["volumes"].size() == 4);
  CHECK(status["revision"] == "default");
  CHECK(status["version"].get<std::string>().size() == 16);
  CHECK(annotations.at("kubectl.kubernetes.io/default-container") == "web");
  CHECK(result["spec"].contains("securityContext") == false);  // no fsGroup: a key of mode 0600 stays so
}

TEST_CASE("injecting again changes nothing, byte for byte") {
  auto original =
      pod("{labels: {app: web}, annotations: {prometheus.io/scrape: 'true', sidecar.istio.io/proxyCPU: 50m}}");
  original["spec"]["containers"][0]["livenessProbe"] = yaml("{httpGet: {path: /, port: http}}");
  for (const bool native : {true, false}) {
    auto context = inNamespace("shop");
    context.nativeSupported = native;
    const auto once = injected(original, {}, context);
    const auto again = inject::inject(once.pod, {}, context);
    REQUIRE(again.has_value());
    CHECK_FALSE(again->injected);
    CHECK(again->pod.dump() == once.pod.dump());
    CHECK(again->reason == "it is injected already");
    CHECK(injected(original, {}, context).pod.dump() == once.pod.dump());
  }
}

TEST_CASE("native: after istio-init, before the user's init containers") {
  auto original = pod();
  original["spec"]["initContainers"] =
      yaml("[{name: migrate, image: m}, {name: log, image: l, restartPolicy: Always}]");
  CHECK(names(injected(original).pod, "initContainers") ==
        std::vector<std::string>{"istio-init", "istio-proxy", "migrate", "log"});
}

TEST_CASE("plain: the first container, which holds the app; the user's init containers run before interception") {
  auto original = pod();
  original["spec"]["initContainers"] = yaml("[{name: migrate, image: m}]");
  original["spec"]["containers"].push_back({{"name", "helper"}});
  auto context = inNamespace("shop");
  context.nativeSupported = false;
  const auto result = injected(original, {}, context).pod;
  CHECK(names(result, "initContainers") == std::vector<std::string>{"migrate", "istio-init"});
  CHECK(names(result, "containers") == std::vector<std::string>{"istio-proxy", "web", "helper"});
  const auto proxy = container(result, "containers", "istio-proxy");
  CHECK_FALSE(proxy.contains("restartPolicy"));
  CHECK(proxy["lifecycle"] == yaml("{postStart: {exec: {command: [/usr/local/bin/fairway, agent, wait]}}}"));
  CHECK(variable(proxy, "ISTIO_META_APP_CONTAINERS") == "web,helper");
  CHECK(annotationsOf(result).at("kubectl.kubernetes.io/default-container") == "web");

  original["metadata"]["annotations"] = {{"proxy.istio.io/config", "holdApplicationUntilProxyStarts: false"}};
  CHECK_FALSE(container(injected(original, {}, context).pod, "containers", "istio-proxy").contains("lifecycle"));
}

TEST_CASE("a Job with a plain proxy is warned, with a native one it finishes") {
  auto original = pod();
  original["spec"]["restartPolicy"] = "Never";
  CHECK(injected(original).warnings.empty());
  auto context = inNamespace("shop");
  context.nativeSupported = false;
  const auto warnings = injected(original, {}, context).warnings;
  REQUIRE(warnings.size() == 1);
  CHECK(mentions(warnings[0], {"does not finish", "native sidecars"}));
}

TEST_CASE("no istio-init without interception, or when a CNI plugin does it") {
  CHECK(names(injected(pod("{annotations: {sidecar.istio.io/interceptionMode: NONE}}")).pod, "initContainers") ==
        std::vector<std::string>{"istio-proxy"});
  Settings settings;
  settings.initContainer = false;
  CHECK(names(injected(pod(), settings).pod, "initContainers") == std::vector<std::string>{"istio-proxy"});
}

TEST_CASE("the app's probes and metrics are handed to the agent") {
  auto original = pod("{annotations: {prometheus.io/scrape: 'true', prometheus.io/path: /m}}");
  original["spec"]["containers"][0]["readinessProbe"] = yaml("{tcpSocket: {port: http}}");
  const auto result = injected(original).pod;
  const auto proxy = container(result, "initContainers", "istio-proxy");
  CHECK(Json::parse(variable(proxy, "ISTIO_KUBE_APP_PROBERS")) ==
        yaml("/app-health/web/readyz: {tcpSocket: {port: 8080}, timeoutSeconds: 1}"));
  CHECK(Json::parse(variable(proxy, "ISTIO_PROMETHEUS_ANNOTATIONS")) ==
        yaml("{scrape: 'true', path: /m, port: '8080'}"));
  const auto annotations = annotationsOf(result);
  CHECK(annotations.at("prometheus.io/scrape") == "true");
  CHECK(annotations.at("prometheus.io/path") == "/stats/prometheus");
  CHECK(annotations.at("prometheus.io/port") == "15020");
}

TEST_CASE("metrics: a pod without any is scraped for Envoy's, one that refuses is left alone, a wrong port is told") {
  const auto without = injected(pod()).pod;
  CHECK(annotationsOf(without).at("prometheus.io/port") == "15020");
  CHECK(variable(container(without, "initContainers", "istio-proxy"), "ISTIO_PROMETHEUS_ANNOTATIONS").empty());
  const auto refuses = annotationsOf(injected(pod("{annotations: {prometheus.io/scrape: 'false'}}")).pod);
  CHECK(refuses.at("prometheus.io/scrape") == "false");
  CHECK_FALSE(refuses.contains("prometheus.io/port"));
  const auto wrong = injected(pod("{annotations: {prometheus.io/scrape: 'true', prometheus.io/port: metrics}}"));
  REQUIRE(wrong.warnings.size() == 1);
  CHECK(mentions(wrong.warnings[0], {"prometheus.io/port", "\"metrics\""}));
  const auto off = annotationsOf(injected(pod("{annotations: {prometheus.istio.io/merge-metrics: 'false'}}")).pod);
  CHECK_FALSE(off.contains("prometheus.io/port"));
}

TEST_CASE("a container istio-proxy of the pod changes fields of the injected one") {
  auto original = pod();
  original["spec"]["containers"].push_back(yaml(R"(
name: istio-proxy
image: auto
resources: {requests: {cpu: 5m}}
env: [{name: FAIRWAY_CONCURRENCY, value: "7"}, {name: MINE, value: x}]
securityContext: {runAsUser: 2000}
volumeMounts: [{mountPath: /mine, name: mine}]
)"));
  for (const bool native : {true, false}) {
    auto context = inNamespace("shop");
    context.nativeSupported = native;
    const auto result = injected(original, {}, context).pod;
    const auto proxy = container(result, native ? "initContainers" : "containers", "istio-proxy");
    CHECK(proxy["image"] == "localhost/fairway-proxy:0.1.0");
    CHECK(proxy["resources"]["requests"]["cpu"] == "5m");
    CHECK(proxy["resources"]["requests"]["memory"] == "128Mi");
    CHECK(variable(proxy, "FAIRWAY_CONCURRENCY") == "7");
    CHECK(variable(proxy, "MINE") == "x");
    CHECK(proxy["volumeMounts"].size() == 5);
    CHECK(proxy["securityContext"]["runAsUser"] == 2000);
    CHECK(proxy["securityContext"]["readOnlyRootFilesystem"] == true);
    CHECK(container(result, "initContainers", "istio-init")["args"].dump().find("--proxy-uid=2000") !=
          std::string::npos);
    CHECK(variable(proxy, "ISTIO_META_APP_CONTAINERS") == "web");
  }
}

TEST_CASE("a gateway: its own container with image auto becomes the proxy") {
  Json gateway = yaml(R"(
metadata:
  generateName: ingress-7d9c-
  labels: {istio: ingress, sidecar.istio.io/inject: "true", pod-template-hash: 7d9c}
  annotations: {inject.istio.io/templates: gateway}
  ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: ingress-7d9c, controller: true}]
spec:
  containers: [{name: istio-proxy, image: auto, ports: [{containerPort: 8080}], resources: {requests: {cpu: 100m}}}]
)");
  const auto outcome = injected(gateway, {}, inNamespace("istio-system"));
  const auto& result = outcome.pod;
  CHECK(names(result, "containers") == std::vector<std::string>{"istio-proxy"});
  CHECK(names(result, "initContainers").empty());
  const auto proxy = container(result, "containers", "istio-proxy");
  CHECK(proxy["image"] == "localhost/fairway-proxy:0.1.0");
  CHECK(proxy["ports"].size() == 2);
  CHECK(proxy["resources"] == yaml("{requests: {cpu: 100m}}"));
  CHECK(variable(proxy, "FAIRWAY_PROXY_TYPE") == "router");
  CHECK(variable(proxy, "FAIRWAY_UNPRIVILEGED") == "true");
  CHECK(variable(proxy, "ISTIO_META_WORKLOAD_NAME") == "ingress");
  CHECK(variable(proxy, "ISTIO_META_OWNER") == "kubernetes://apis/apps/v1/namespaces/istio-system/deployments/ingress");
  CHECK(labelsOf(result).at("service.istio.io/canonical-name") == "ingress");
  CHECK_FALSE(labelsOf(result).contains("security.istio.io/tlsMode"));

  gateway["spec"]["securityContext"] = yaml("{sysctls: [{name: net.ipv4.ip_unprivileged_port_start, value: '0'}]}");
  CHECK(variable(container(injected(gateway, {}, inNamespace("istio-system")).pod, "containers", "istio-proxy"),
                 "FAIRWAY_UNPRIVILEGED") == "false");
}

TEST_CASE("a template of the settings is merged over the pod and reaches the proxy wherever it is") {
  const auto loaded = loadSettings(R"(
values: {team: red}
templates:
  extra: |
    metadata: {annotations: {team: "{{ .Values.team }}"}}
    spec:
      containers:
      - name: istio-proxy
        env: [{name: POD, value: "{{ .ObjectMeta.Namespace }}/{{ .DeploymentMeta.Name }}"}]
      - name: debug
        image: "{{ .ProxyImage }}"
)");
  REQUIRE(loaded.has_value());
  const auto original = pod("{annotations: {inject.istio.io/templates: 'sidecar, extra'}}");
  for (const bool native : {true, false}) {
    auto context = inNamespace("shop");
    context.nativeSupported = native;
    const auto result = injected(original, loaded->settings, context).pod;
    const auto proxy = container(result, native ? "initContainers" : "containers", "istio-proxy");
    CHECK(variable(proxy, "POD") == "shop/web-0");
    CHECK(container(result, "containers", "debug")["image"] == "localhost/fairway-proxy:0.1.0");
    CHECK(annotationsOf(result).at("team") == "red");
  }
}

TEST_CASE("a template with an error: pod, template, placeholder and what exists are named") {
  const auto loaded = loadSettings("templates: {extra: \"metadata: {labels: {a: '{{ .ObjectMeta.Labels.team }}'}}\"}");
  REQUIRE(loaded.has_value());
  const auto message =
      refused(pod("{labels: {app: web}, annotations: {inject.istio.io/templates: 'sidecar,extra'}}"), loaded->settings);
  CHECK(mentions(message, {"pod shop/web-0", "template \"extra\"", "metadata.labels.a", "{{ .ObjectMeta.Labels.team }}",
                           ".ObjectMeta.Labels.app"}));
  CHECK(mentions(refused(pod("{annotations: {inject.istio.io/templates: 'sidecar,gateway'}}")), {"one of them"}));
}

TEST_CASE("a template that makes no pod is refused") {
  const auto loaded = loadSettings("{templates: {bad: {spec: {volumes: 7}}}, defaultTemplates: [sidecar, bad]}");
  REQUIRE(loaded.has_value());
  CHECK(mentions(refused(pod(), loaded->settings), {"template \"bad\"", "spec.volumes", "the number 7", "a list"}));
}

TEST_CASE("a wrong annotation or shape refuses the pod and says where") {
  CHECK(mentions(refused(pod("{annotations: {sidecar.istio.io/proxyMemory: much}}")),
                 {"pod shop/web-0", "sidecar.istio.io/proxyMemory", "\"much\"", "128Mi"}));
  auto noName = pod("{name: null, generateName: web-7d9c-, annotations: {sidecar.istio.io/logLevel: x}}");
  CHECK(mentions(refused(noName), {"pod shop/web-7d9c-*"}));
  for (const char* text :
       {"[]", "7", "{}", "{spec: []}", "{spec: {}}", "{spec: {containers: {}}}", "{spec: {containers: [7]}}",
        "{spec: {containers: [{}]}}", "{spec: {containers: [{name: 7}]}}", "{metadata: [], spec: {containers: []}}",
        "{metadata: {labels: {a: 1}}, spec: {containers: []}}",
        "{metadata: {ownerReferences: 1}, spec: {containers: []}}", "{spec: {containers: [{name: a, env: [1]}]}}",
        "{spec: {containers: [{name: a, ports: 1}]}}", "{spec: {containers: [{name: a, livenessProbe: 1}]}}",
        "{spec: {containers: [], volumes: [{}]}}", "{spec: {containers: [], securityContext: 1}}"}) {
    INFO(text);
    CHECK_FALSE(inject::inject(yaml(text), {}, inNamespace("shop")).has_value());
  }
  CHECK(mentions(refused(yaml("{metadata: {annotations: {sidecar.istio.io/inject: true}}, spec: {containers: []}}")),
                 {"metadata.annotations[sidecar.istio.io/inject]", "the boolean true", "put it in quotes"}));
}

TEST_CASE("no odd value makes it throw") {
  for (const char* fields : {"{securityContext: {capabilities: 1}}", "{securityContext: {capabilities: {add: x}}}",
                             "{ports: [{name: http}]}", "{ports: [{containerPort: x}]}", "{lifecycle: {postStart: 1}}",
                             "{livenessProbe: {httpGet: 1}}", "{livenessProbe: {httpGet: {port: {}}}}",
                             "{livenessProbe: {httpGet: {port: -1}, timeoutSeconds: x}}", "{env: [{name: 1}]}"}) {
    INFO(fields);
    auto original = pod();
    original["spec"]["containers"][0].update(yaml(fields));
    (void)inject::inject(original, {}, inNamespace("shop"));
    original["spec"]["containers"].push_back(original["spec"]["containers"][0]);
    original["spec"]["containers"][1]["name"] = "istio-proxy";
    (void)inject::inject(original, {}, inNamespace("shop"));
  }
  for (const char* fields : {"{terminationGracePeriodSeconds: x}", "{os: 1}", "{hostNetwork: x}", "{dnsPolicy: 1}",
                             "{securityContext: {sysctls: [1]}}", "{imagePullSecrets: [{}]}"}) {
    INFO(fields);
    auto original = pod();
    original["spec"].update(yaml(fields));
    (void)inject::inject(original, {}, inNamespace("shop"));
  }
}

TEST_CASE("draining ends before the pod's grace period does") {
  auto original = pod("{annotations: {proxy.istio.io/config: 'drainDuration: 300s'}}");
  const auto drain = [&] {
    return variable(container(injected(original).pod, "initContainers", "istio-proxy"), "FAIRWAY_DRAIN_TIME");
  };
  CHECK(drain() == "25s");
  original["spec"]["terminationGracePeriodSeconds"] = 600;
  CHECK(drain() == "300s");
  original["spec"]["terminationGracePeriodSeconds"] = 0;
  CHECK(drain() == "1s");
}

TEST_CASE("a pod that may work against its sidecar is warned") {
  auto original = pod();
  original["spec"]["dnsPolicy"] = "Default";
  original["spec"]["containers"][0]["securityContext"] = yaml("{runAsUser: 1337, capabilities: {add: [NET_ADMIN]}}");
  const auto warnings = injected(original).warnings;
  REQUIRE(warnings.size() == 3);
  CHECK(mentions(warnings[0], {"container web", "iptables"}));
  CHECK(mentions(warnings[1], {"container web", "1337"}));
  CHECK(mentions(warnings[2], {"dnsPolicy"}));
}

TEST_CASE("the workload behind a pod") {
  const auto workload = [](const std::string& metadata) {
    const auto found = workloadOf({{"metadata", yaml(metadata)}});
    return found.apiVersion + " " + found.kind + " " + found.name;
  };
  CHECK(workload("{name: a}") == "v1 Pod a");
  CHECK(workload("{generateName: a-}") == "v1 Pod a");
  const std::string owner = "ownerReferences: [{controller: true, apiVersion: x/v1, ";
  CHECK(workload("{labels: {pod-template-hash: h1}, " + owner + "kind: ReplicaSet, name: a-b-h1}]}") ==
        "apps/v1 Deployment a-b");
  CHECK(workload("{" + owner + "kind: ReplicaSet, name: a-b}]}") == "x/v1 ReplicaSet a-b");
  CHECK(workload("{" + owner + "kind: Job, name: a-28000000}]}") == "batch/v1 CronJob a");
  CHECK(workload("{" + owner + "kind: Job, name: a-2}]}") == "x/v1 Job a-2");
  CHECK(workload("{labels: {deploymentconfig: a}, " + owner + "kind: ReplicationController, name: a-1}]}") ==
        "apps.openshift.io/v1 DeploymentConfig a");
  CHECK(workload("{" + owner + "kind: StatefulSet, name: db}]}") == "x/v1 StatefulSet db");
}

TEST_CASE("a workload's name that is too long for a label is cut") {
  auto original = pod("{name: null, generateName: " + std::string(62, 'a') + ".b-}");
  CHECK(labelsOf(injected(original).pod).at("service.istio.io/canonical-name") == std::string(62, 'a'));
}
