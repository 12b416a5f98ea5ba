#include "api/core.h"

#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;

TEST_CASE("pods: ports of containers and native sidecars, addresses, defaults") {
  const auto pod = good<Pod>(R"(
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web}}
spec:
  serviceAccountName: web
  nodeName: node-1
  hostNetwork: true
  containers:
  - {name: app, image: x, ports: [{name: http, containerPort: 8080}, {containerPort: 53, protocol: UDP}]}
  - {name: other}
  initContainers:
  - {name: setup, ports: [{name: no, containerPort: 1}]}
  - {name: proxy, restartPolicy: Always, ports: [{name: http-envoy-prom, containerPort: 15090, protocol: TCP}]}
status:
  phase: Running
  podIP: 10.0.0.1
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions: []
)");
  CHECK(pod->spec.serviceAccountName == "web");
  CHECK(pod->spec.nodeName == "node-1");
  CHECK(pod->spec.hostNetwork);
  CHECK(pod->spec.phase == "Running");
  CHECK(pod->spec.ips == std::vector<std::string>{"10.0.0.1", "fd00::1"});
  CHECK(pod->spec.ports ==
        std::vector<PodSpec::Port>{{"http", 8080, "TCP"}, {"", 53, "UDP"}, {"http-envoy-prom", 15090, "TCP"}});

  const auto bare = good<Pod>("{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {podIP: 10.0.0.2}}");
  CHECK(bare->spec.serviceAccountName == "default");
  CHECK(bare->spec.ips == std::vector<std::string>{"10.0.0.2"});
  CHECK_FALSE(bare->spec.ready);
  const auto withConditions = [](const std::string& conditions) {
    return good<Pod>("{apiVersion: v1, kind: Pod, metadata: {name: a}, status: {conditions: [" + conditions + "]}}")
        ->spec.ready;
  };
  CHECK(withConditions("{type: PodScheduled, status: 'True'}") == false);
  CHECK(withConditions("{type: Ready, status: 'False'}") == false);
  CHECK(withConditions("{type: PodScheduled, status: 'True'}, {type: Ready, status: 'True'}") == true);
}

TEST_CASE("services: ports with targets, headless, external") {
  const auto service = good<Service>(R"(
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  type: ClusterIP
  clusterIP: 10.1.0.1
  clusterIPs: [10.1.0.1, "fd00::1"]
  selector: {app: web}
  publishNotReadyAddresses: true
  sessionAffinity: None
  ports:
  - {name: http, port: 80, targetPort: 8080, appProtocol: http}
  - {name: grpc, port: 81, targetPort: grpc, protocol: TCP}
  - {name: dns, port: 53, protocol: UDP}
)");
  CHECK(service->spec.clusterIPs == std::vector<std::string>{"10.1.0.1", "fd00::1"});
  CHECK(service->spec.selector == Labels{{"app", "web"}});
  CHECK(service->spec.publishNotReadyAddresses);
  CHECK(service->spec.ports == std::vector<ServiceSpec::Port>{{"http", "TCP", "http", 80, "8080"},
                                                              {"grpc", "TCP", "", 81, "grpc"},
                                                              {"dns", "UDP", "", 53, ""}});

  const auto headless = good<Service>("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {clusterIP: None}}");
  CHECK(headless->spec.clusterIPs == std::vector<std::string>{"None"});
  const auto external = good<Service>(
      "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: ExternalName, externalName: a.example}}");
  CHECK(external->spec.type == "ExternalName");
  CHECK(external->spec.externalName == "a.example");
  CHECK(external->spec.clusterIPs.empty());
}

TEST_CASE("endpoint slices: conditions, targets, zones") {
  const auto slice = good<EndpointSlice>(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-abc, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP, appProtocol: http}, {name: "", port: null}]
endpoints:
- addresses: [10.0.0.1]
  conditions: {ready: true, serving: true, terminating: false}
  nodeName: node-1
  zone: z1
  targetRef: {kind: Pod, name: web-1, namespace: shop, uid: x}
- addresses: [10.0.0.2]
  hostname: two
)");
  CHECK(slice->spec.service == "web");
  CHECK(slice->spec.addressType == "IPv4");
  CHECK(slice->spec.ports == std::vector<EndpointSliceSpec::Port>{{"http", "TCP", "http", 8080}, {"", "TCP", "", 0}});
  REQUIRE(slice->spec.endpoints.size() == 2);
  const auto& one = slice->spec.endpoints[0];
  CHECK(one.addresses == std::vector<std::string>{"10.0.0.1"});
  CHECK(one.ready == true);
  CHECK(one.serving == true);
  CHECK(one.terminating == false);
  CHECK(one.nodeName == "node-1");
  CHECK(one.zone == "z1");
  CHECK(one.targetKind + one.targetNamespace + one.targetName == "Podshopweb-1");
  CHECK_FALSE(slice->spec.endpoints[1].ready);
  CHECK(slice->spec.endpoints[1].hostname == "two");
}

TEST_CASE("secrets: both spellings, data and stringData") {
  const auto tls = good<Secret>(R"(
apiVersion: v1
kind: Secret
metadata: {name: cert, namespace: istio-system}
type: kubernetes.io/tls
data: {tls.crt: Q0VSVA==, tls.key: S0VZ, ca.crt: Q0E=, other: "!"}
)");
  CHECK(tls->spec == SecretSpec{"kubernetes.io/tls", "CERT", "KEY", "CA"});
  const auto generic = good<Secret>(R"(
apiVersion: v1
kind: Secret
metadata: {name: cert}
data: {cert: Q0VSVA==, key: b2xk}
stringData: {key: KEY, cacert: CA}
)");
  CHECK(generic->spec == SecretSpec{"", "CERT", "KEY", "CA"});
}

TEST_CASE("messages about secrets do not tell them") {
  const auto decoded =
      decodeYaml("{apiVersion: v1, kind: Secret, metadata: {name: a}, data: {tls.key: 'not secret at all!'}}");
  CHECK(toText(decoded.problems) == "error data[tls.key]: expected text in base64\n");
  const auto number = decodeYaml("{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {tls.key: 4711}}");
  CHECK(toText(number.problems) == "error stringData[tls.key]: expected text\n");
}

TEST_CASE("namespaces and nodes are their labels") {
  const auto ns =
      good<Namespace>("{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {istio-injection: enabled}}}");
  CHECK(ns->meta.labels == Labels{{"istio-injection", "enabled"}});
  const auto node = good<Node>(
      "{apiVersion: v1, kind: Node, metadata: {name: n1, labels: {topology.kubernetes.io/zone: z}}, spec: {x: 1}}");
  CHECK(node->meta.key() == NamespacedName{"", "n1"});
}

TEST_CASE("wrong types in Kubernetes' kinds are reported") {
  check("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 0}]}}",
        {"", "spec.ports[0].port", "from 1 to 65535"});
  check("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{}]}}",
        {"", "spec.ports[0].port", "it is missing"});
  check("{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: {}}}",
        {"", "spec.ports", "found a mapping, expected a list"});
  check("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [x]}}",
        {"", "spec.containers[0]", "expected a mapping"});
  check("{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: a}, endpoints: [{addresses: 1}]}",
        {"", "endpoints[0].addresses", "expected a list"});
}

}  // namespace
}  // namespace fairway::api
