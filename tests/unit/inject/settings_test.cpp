#include "inject/settings.h"

#include "inject/quantity.h"
#include "inject/traffic.h"
#include "support.h"

using namespace fairway;
using namespace fairway::inject;
using namespace fairway::inject::test;

namespace {

Settings load(const std::string& text) {
  const auto loaded = loadSettings(text);
  if (!loaded) FAIL(loaded.error().message);
  CHECK(loaded->warnings.empty());
  return loaded->settings;
}

std::string refusalOf(const std::string& text) {
  const auto loaded = loadSettings(text);
  REQUIRE_FALSE(loaded.has_value());
  return loaded.error().message;
}

}  // namespace

TEST_CASE("an empty file means the defaults") {
  const auto settings = load("");
  CHECK(settings.enabled);
  CHECK(settings.revision == "default");
  CHECK(discoveryAddressOf(settings) == "istiod.istio-system.svc:15012");
  CHECK(imageOf(settings, settings.image) == "localhost/fairway-proxy:0.1.0");
  CHECK(settings.nativeSidecars == NativeSidecars::automatic);
}

TEST_CASE("every field of the settings is read") {
  const auto settings = load(R"(
policy: disabled
enableNamespacesByDefault: true
revision: canary
revisionTags: [prod]
rootNamespace: mesh
ignoredNamespaces: [kube-system]
neverInjectSelector: [{matchLabels: {app: a}}]
alwaysInjectSelector: [{matchExpressions: [{key: b, operator: NotIn, values: [c]}]}]
trustDomain: example.org
clusterDomain: k8s.local
network: n1
clusterId: c1
image: {hub: registry.example.org/mesh, tag: "1.2", name: proxy, pullPolicy: Always, pullSecrets: [pull]}
proxy:
  resources: {requests: {cpu: 50m}}
  logLevel: debug
  agentLogLevel: warn
  logFormat: json
  concurrency: 0
  statsdUdpAddress: "statsd.monitoring:9125"
  drainDuration: 1m
  terminationDrainDuration: 1500ms
  holdApplicationUntilProxyStarts: false
  env: {A: b}
init: {enabled: false, resources: {}}
interception: {mode: NONE, includeOutboundIPRanges: "10.0.0.0/8, 192.168.0.0/16", excludeInboundPorts: "22,23"}
nativeSidecars: false
rewriteAppHTTPProbers: false
enablePrometheusMerge: false
defaultTemplates: [sidecar, extra]
templates: {extra: "metadata: {labels: {a: '{{ .Values.x.y }}'}}"}
values: {x: {y: z}}
)");
  CHECK_FALSE(settings.enabled);
  CHECK(settings.namespacesByDefault);
  CHECK(settings.statsdAddress == "statsd.monitoring:9125");
  CHECK(discoveryAddressOf(settings) == "istiod-canary.mesh.svc:15012");
  CHECK(imageOf(settings, settings.image) == "registry.example.org/mesh/proxy:1.2");
  CHECK(imageOf(settings, "other.example/p@sha256:1") == "other.example/p@sha256:1");
  CHECK(settings.serves("prod"));
  CHECK_FALSE(settings.serves("default"));
  CHECK(settings.neverInject.at(0).matches({{"app", "a"}}));
  CHECK(settings.alwaysInject.at(0).matches({{"b", "d"}}));
  CHECK(settings.drainDuration == std::chrono::seconds(60));
  CHECK(settings.terminationDrainDuration == std::chrono::seconds(2));
  CHECK(settings.proxyResources == Json{{"requests", {{"cpu", "50m"}}}});
  CHECK(settings.initResources.empty());
  CHECK_FALSE(settings.initContainer);
  CHECK(settings.traffic.mode == InterceptionMode::none);
  CHECK(settings.traffic.includeOutboundCidrs == "10.0.0.0/8,192.168.0.0/16");
  CHECK(settings.nativeSidecars == NativeSidecars::never);
  CHECK(settings.templates.contains("extra"));
}

TEST_CASE("a mistake in the settings is told with line, field, what was found and what is expected") {
  CHECK(mentions(refusalOf("policy: on"), {"line 1", "policy", "the boolean true", "enabled"}));
  CHECK(mentions(refusalOf("a: 1\nproxy:\n  logLevel: loud"), {"line 3", "proxy.logLevel", "\"loud\"", "warning"}));
  CHECK(mentions(refusalOf("proxy: {resources: {requests: {cpu: lots}}}"), {"requests.cpu", "\"lots\"", "100m"}));
  CHECK(mentions(refusalOf("proxy: {drainDuration: 2h}"), {"drainDuration", "at most 1h"}));
  CHECK(mentions(refusalOf("interception: {includeInboundPorts: '80,x'}"), {"includeInboundPorts", "\"x\"", "65535"}));
  CHECK(mentions(refusalOf("proxy: {statsdUdpAddress: statsd}"), {"statsdUdpAddress", "\"statsd\"", "host:port"}));
  CHECK(mentions(refusalOf("discoveryAddress: istiod"), {"discoveryAddress", "\"istiod\"", "host:port"}));
  CHECK(mentions(refusalOf("defaultTemplates: [none]"), {"defaultTemplates", "\"none\"", "sidecar"}));
  CHECK(mentions(refusalOf("templates: {sidecar: 'spec: {}'}"), {"templates.sidecar", "built in"}));
  CHECK(mentions(refusalOf("templates: {a: 'spec: {x: \"{{ .Nope }}\"}'}"),
                 {"template \"a\"", "spec.x", ".Nope", ".ObjectMeta"}));
  CHECK(mentions(refusalOf("neverInjectSelector: [{matchExpressions: [{key: a, operator: In}]}]"), {"values"}));
  CHECK(mentions(refusalOf("revision: Big"), {"revision", "\"Big\""}));
  CHECK(mentions(refusalOf("policy: [\n"), {"line"}));
  CHECK(mentions(refusalOf("[]"), {"a list"}));
}

TEST_CASE("an unknown field of the settings is a warning") {
  const auto loaded = loadSettings("polizy: enabled\n");
  REQUIRE(loaded.has_value());
  REQUIRE(loaded->warnings.size() == 1);
  CHECK(mentions(loaded->warnings[0], {"line 1", "polizy"}));
}

TEST_CASE("quantities are Kubernetes'") {
  for (const char* good : {"1", "100m", "0.5", "128Mi", "1e3", "1E-2", "+1", "5.", ".5", "1k", "2E"}) {
    INFO(good);
    CHECK(isQuantity(good));
  }
  for (const char* bad : {"", "m", "1 Mi", "1mi", "1K", "-1", "1.2.3", "1e", "lots", ".", "1Mi\n"}) {
    INFO(bad);
    CHECK_FALSE(isQuantity(bad));
  }
}

TEST_CASE("lists of ports, networks and interfaces are what iptables takes") {
  CHECK(portList(" 80 , 443,", true) == "80,443");
  CHECK(portList("*", true) == "*");
  CHECK(portList("", true) == "");
  for (const char* bad : {"*", "0", "65536", "80-90", "http", "80,*"}) CHECK_FALSE(portList(bad, false).has_value());
  CHECK_FALSE(portList("80,*", true).has_value());
  CHECK(cidrList("10.0.0.0/8,fd00::/8,10.1.2.3", false) == "10.0.0.0/8,fd00::/8,10.1.2.3");
  for (const char* bad : {"10.0.0.1/8", "fd00::1/8", "10.0.0/8", "10.0.0.0/33", "all"}) {
    INFO(bad);
    CHECK_FALSE(cidrList(bad, true).has_value());
  }
  CHECK(interfaceList("eth1,net-a.1") == "eth1,net-a.1");
  for (const char* bad : {"-j", "a b", "averyverylongname", "a/b"}) CHECK_FALSE(interfaceList(bad).has_value());
}
