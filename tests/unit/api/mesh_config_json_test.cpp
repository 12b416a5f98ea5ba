#include "api/mesh_config.h"

#include "base/strings.h"
#include "unit/api/support.h"

namespace fairway::api {
namespace {

using namespace testing;

std::string configMap(const std::string& mesh) {
  std::string text =
      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: istio-system}\ndata:\n  mesh: |\n";
  for (const auto& line : split(mesh, '\n')) text += "    " + line + "\n";
  return text;
}

TEST_CASE("the mesh's settings are YAML in a ConfigMap") {
  const auto map = good<ConfigMap>(configMap(R"(outboundTrafficPolicy: {mode: REGISTRY_ONLY}
accessLogFile: ""
ingressClass: edge
ingressSelector: edge
ingressService: edge-gateway
ingressControllerMode: DEFAULT
trustDomain: cluster.local
rootNamespace: istio-system
enableAutoMtls: true)"));
  REQUIRE(map->spec.mesh);
  CHECK(map->spec.mesh->outboundMode == MeshConfigSpec::OutboundMode::registry_only);
  CHECK(map->spec.mesh->accessLogFile == "");
  CHECK(map->spec.mesh->ingressClass == "edge");
  CHECK(map->spec.mesh->ingressSelector == "edge");
  CHECK(map->spec.mesh->ingressService == "edge-gateway");
  CHECK(map->spec.mesh->ingressMode == MeshConfigSpec::IngressMode::by_default);
  CHECK(map->spec.mesh->trustDomain == "cluster.local");
  CHECK(map->spec.mesh->enableAutoMtls == true);
}

TEST_CASE("discovery selectors are Kubernetes' own") {
  const auto map = good<ConfigMap>(configMap(R"(discoverySelectors:
- matchLabels: {mesh: "on", tier: web}
- matchExpressions: [{key: app, operator: In, values: [cassandra, spark]}])"));
  REQUIRE(map->spec.mesh);
  const auto& selectors = map->spec.mesh->discoverySelectors;
  REQUIRE(selectors.size() == 2);
  CHECK(selectors[0].labels == Labels{{"mesh", "on"}, {"tier", "web"}});
  CHECK(selectors[1].selects({{"app", "spark"}}));
  CHECK_FALSE(selectors[1].selects({{"app", "web"}}));
}

TEST_CASE("trust and TLS of the mesh") {
  const auto map = good<ConfigMap>(configMap(R"(trustDomainAliases: [old.example]
caCertificates: [{pem: "-----BEGIN CERTIFICATE-----", trustDomains: [b.example]}, {pem: "-----BEGIN CERTIFICATE-----"}]
meshMTLS: {minProtocolVersion: TLSV1_3, cipherSuites: [A]}
tlsDefaults: {minProtocolVersion: TLSV1_2, cipherSuites: [B], ecdhCurves: [P-256]}
enableAutoMtls: false)"));
  REQUIRE(map->spec.mesh);
  const auto& mesh = *map->spec.mesh;
  CHECK(mesh.trustDomainAliases == std::vector<std::string>{"old.example"});
  REQUIRE(mesh.caCertificates.size() == 2);
  CHECK(mesh.caCertificates[0].trustDomains == std::vector<std::string>{"b.example"});
  CHECK(mesh.caCertificates[1].trustDomains.empty());
  CHECK(mesh.meshMtls == MeshConfigSpec::Tls{"TLSV1_3", {"A"}, {}});
  CHECK(mesh.tlsDefaults == MeshConfigSpec::Tls{"TLSV1_2", {"B"}, {"P-256"}});
  CHECK(mesh.enableAutoMtls == false);
}

TEST_CASE("defaults of the mesh: exports, connections, retries, the access log") {
  const auto map = good<ConfigMap>(configMap(R"(defaultServiceExportTo: ["."]
defaultVirtualServiceExportTo: [onap, "*"]
defaultDestinationRuleExportTo: ["~"]
connectTimeout: 3s
dnsRefreshRate: 5s
protocolDetectionTimeout: 0s
tcpKeepalive: {time: 10s, interval: 5s, probes: 3}
h2UpgradePolicy: UPGRADE
defaultHttpRetryPolicy: {attempts: 5, retryOn: "5xx"}
accessLogEncoding: JSON
accessLogFormat: '{"m": "%REQ(:METHOD)%"}')"));
  REQUIRE(map->spec.mesh);
  const auto& mesh = *map->spec.mesh;
  using std::chrono::seconds;
  CHECK(mesh.exportTo == MeshConfigSpec::ExportTo{{"."}, {"onap", "*"}, {"~"}});
  CHECK(mesh.connections.connectTimeout == seconds(3));
  CHECK(mesh.connections.dnsRefreshRate == seconds(5));
  CHECK(mesh.connections.protocolDetectionTimeout == seconds(0));
  CHECK(mesh.connections.tcpKeepalive == TrafficPolicySpec::ConnectionPool::Keepalive{3, seconds(10), seconds(5)});
  CHECK(mesh.connections.upgradeToHttp2 == true);
  REQUIRE(mesh.connections.retries);
  CHECK(mesh.connections.retries->attempts == 5);
  CHECK(mesh.accessLog == MeshConfigSpec::AccessLog{R"({"m": "%REQ(:METHOD)%"})", true});

  for (const auto* bad :
       {"connectTimeout: soon", "connectTimeout: 0s", "h2UpgradePolicy: MAYBE", "defaultServiceExportTo: [a/b]",
        "accessLogEncoding: XML", "accessLogEncoding: JSON\naccessLogFormat: plain", "tcpKeepalive: {probes: -1}",
        "defaultHttpRetryPolicy: {attempts: 2, retryOn: sometimes}"}) {
    INFO(bad);
    CHECK_FALSE(as<ConfigMap>(decodeYaml(configMap(bad)))->spec.mesh);
  }
}

TEST_CASE("what stands in front of the mesh's gateways") {
  const auto spec = good<ConfigMap>(configMap("defaultConfig:\n  gatewayTopology:\n    numTrustedProxies: 2\n"
                                              "    forwardClientCertDetails: FORWARD_ONLY\n    proxyProtocol: {}"))
                        ->spec;
  CHECK(spec.mesh->proxyDefaults.gatewayTopology ==
        GatewayTopology{2, GatewayTopology::ClientCertificate::forward_only, true});
  CHECK_FALSE(good<ConfigMap>(configMap("defaultConfig: {}"))->spec.mesh->proxyDefaults.gatewayTopology.has_value());
}

TEST_CASE("other ConfigMaps hold nothing of interest; an empty text is an empty configuration") {
  const auto other = good<ConfigMap>("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {x: 'mesh: ['}}");
  CHECK_FALSE(other->spec.mesh);
  const auto empty = good<ConfigMap>("{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {mesh: ''}}");
  CHECK(empty->spec.mesh == MeshConfigSpec{});
}

TEST_CASE("mistakes in the mesh's settings are told by their field; then nothing of them counts") {
  const auto warning = Problem::Severity::warning;
  const std::vector<Bad> table = {
      {"a: [", "data.mesh", "no YAML"},
      {"a: 1\n---\nb: 2", "data.mesh", "several YAML documents"},
      {"- x", "data.mesh", "expected a mapping"},
      {"outboundTrafficPolicy: {mode: NOTHING}", "data.mesh.outboundTrafficPolicy.mode", "ALLOW_ANY"},
      {"accessLogFile: stdout", "data.mesh.accessLogFile", "absolute path"},
      {"ingressControllerMode: SOMETIMES", "data.mesh.ingressControllerMode", "STRICT"},
      {"ingressSelector: 'a b'", "data.mesh.ingressSelector", "label"},
      {"outboundTraficPolicy: {mode: ALLOW_ANY}", "data.mesh.outboundTraficPolicy",
       "did you mean outboundTrafficPolicy", warning},
      {"defaultConfig: {concurrency: 2}", "data.mesh.defaultConfig.concurrency", "injection", warning},
      {"defaultConfig: {gatewayTopology: {numTrustedProxies: many}}",
       "data.mesh.defaultConfig.gatewayTopology.numTrustedProxies", "many"},
      {"defaultConfig: {gatewayTopology: {forwardClientCertDetails: ALL}}",
       "data.mesh.defaultConfig.gatewayTopology.forwardClientCertDetails", "SANITIZE_SET"},
      {"defaultConfig: {statsdUdpAddress: statsd}", "data.mesh.defaultConfig.statsdUdpAddress", "host:port"},
      {"trustDomainAliases: [A/b]", "data.mesh.trustDomainAliases", "expected trust domains"},
      {"caCertificates: [{trustDomains: [a]}]", "data.mesh.caCertificates[0].pem", "CA certificates in PEM form"},
      {"caCertificates: [{pem: x}]", "data.mesh.caCertificates[0].pem", "PEM form"},
      {"caCertificates: [{spiffeBundleUrl: 'https://x'}]", "data.mesh.caCertificates[0].spiffeBundleUrl",
       "not fetched"},
      {"meshMTLS: {minProtocolVersion: TLSV1_1}", "data.mesh.meshMTLS.minProtocolVersion", "TLSV1_3"},
      {"meshMTLS: {ecdhCurves: [P-256]}", "data.mesh.meshMTLS.ecdhCurves", "Envoy's curves", warning},
      {"enableAutoMtls: 3", "data.mesh.enableAutoMtls", "expected"},
  };
  for (const auto& bad : table) {
    check(configMap(bad.yaml), bad);
    const auto map = as<ConfigMap>(decodeYaml(configMap(bad.yaml)));
    CHECK(map->spec.mesh.has_value() == (bad.severity == warning));
  }
}

}  // namespace
}  // namespace fairway::api
