#include <catch2/catch.hpp>

#include "api/mesh_config.h"
#include "fixtures.h"

using namespace fairway;
using namespace fairway::test;
using model::MeshSettings;
using normalize::MeshSettingsOf;
using Spec = api::MeshConfigSpec;

namespace {

void configMap(Mesh& mesh, std::optional<Spec> spec, api::Problems problems = {}, const std::string& name = "istio",
               const std::string& ns = "istio-system") {
  mesh.add<api::ConfigMap>(ns, name, [&](auto& o) {
    o.spec.mesh = spec;
    o.problems = problems;
  });
}

Spec registryOnly() {
  Spec spec;
  spec.outboundMode = Spec::OutboundMode::registry_only;
  return spec;
}

}  // namespace

TEST_CASE("the gateways' topology") {
  Mesh mesh;
  Spec spec;
  configMap(mesh, spec);
  CHECK(mesh.ask(MeshSettingsOf{}).gatewayTopology == GatewayTopology{});
  spec.proxyDefaults.gatewayTopology = GatewayTopology{.trustedProxies = 3};
  configMap(mesh, spec);
  CHECK(mesh.ask(MeshSettingsOf{}).gatewayTopology == GatewayTopology{.trustedProxies = 3});
}

TEST_CASE("trust and TLS settings; our own domain is no alias of itself") {
  Mesh mesh;
  Spec spec;
  spec.trustDomainAliases = {"old.example", "cluster.local"};
  spec.caCertificates = {{"no PEM", {"b.example"}}};
  spec.meshMtls = {"TLSV1_3", {"A"}, {}};
  spec.tlsDefaults = {"TLSV1_2", {}, {"P-256"}};
  spec.enableAutoMtls = false;
  configMap(mesh, spec);
  const auto& settings = mesh.ask(MeshSettingsOf{});
  CHECK(settings.trustDomainAliases == std::vector<std::string>{"old.example"});
  CHECK(settings.meshTls == MeshSettings::Tls{"TLSv1_3", {"A"}, {}});
  CHECK(settings.tlsDefaults == MeshSettings::Tls{"TLSv1_2", {}, {"P-256"}});
  CHECK_FALSE(settings.autoMtls);
  CHECK(mesh.notes().size() == 2);  // roots that cannot be read, a domain whose peers are not let in
}

TEST_CASE("without a ConfigMap the mesh has its defaults") {
  Mesh mesh;
  CHECK(mesh.ask(MeshSettingsOf{}) == MeshSettings{});
  configMap(mesh, registryOnly(), {}, "istio", "elsewhere");
  configMap(mesh, registryOnly(), {}, "istio-canary");
  configMap(mesh, std::nullopt);
  CHECK(mesh.ask(MeshSettingsOf{}) == MeshSettings{});
  CHECK(mesh.notes().empty());
}

TEST_CASE("the ConfigMap of the root namespace sets what it names") {
  Mesh mesh;
  Spec spec;
  spec.outboundMode = Spec::OutboundMode::registry_only;
  spec.accessLogFile = "";
  spec.ingressMode = Spec::IngressMode::off;
  spec.ingressClass = "edge";
  spec.ingressSelector = "edge-gateway";
  spec.ingressService = "edge-service";
  configMap(mesh, spec);
  const auto& settings = mesh.ask(MeshSettingsOf{});
  CHECK(settings.outbound == MeshSettings::Outbound::registry_only);
  CHECK(settings.accessLogFile.empty());
  CHECK(settings.ingress == MeshSettings::Ingress::off);
  CHECK(settings.ingressClass == "edge");
  CHECK(settings.ingressSelector == "edge-gateway");
  CHECK(settings.ingressService == "edge-service");
}

TEST_CASE("the mesh's defaults count where objects say nothing") {
  using std::chrono::seconds;
  Mesh mesh;
  mesh.service("onap", "web", {{"http", 80, "8080"}});
  Spec spec;
  spec.exportTo.services = {"."};
  spec.exportTo.virtualServices = {"onap"};
  spec.exportTo.destinationRules = {"~"};
  spec.connections.connectTimeout = seconds(3);
  spec.connections.dnsRefreshRate = seconds(5);
  spec.connections.protocolDetectionTimeout = seconds(0);
  spec.connections.tcpKeepalive.emplace().probes = 3;
  spec.connections.upgradeToHttp2 = true;
  auto& retries = spec.connections.retries.emplace();
  retries.attempts = 5;
  retries.retryOn = "5xx,503";
  spec.accessLog = {R"({"m": "%REQ(:METHOD)%"})", true};
  configMap(mesh, spec);
  const auto& settings = mesh.ask(MeshSettingsOf{});
  CHECK(settings.dnsRefresh == seconds(5));
  CHECK(settings.detection == seconds(0));
  CHECK(settings.accessLogJson);
  CHECK(settings.accessLogFormat == spec.accessLog.format);
  REQUIRE(settings.retries);
  CHECK(settings.retries->attempts == 5);
  CHECK(settings.retries->statusCodes == std::vector<std::uint32_t>{503});

  const std::string host = "web.onap.svc.cluster.local";
  CHECK(mesh.ask(normalize::ServiceOf{host})->exportTo == std::vector<std::string>{"."});
  const auto pool = [&](const std::string& ns) {
    return mesh.ask(normalize::TrafficPolicyOf{model::Client(ns), host, 80}).policy.pool;
  };
  CHECK(pool("onap").connectTimeout == seconds(3));
  CHECK(pool("onap").keepalive->probes == 3U);
  CHECK(pool("onap").upgradeToHttp2);

  // A rule of the host goes before, where it says something; for other namespaces there is none.
  mesh.add<api::DestinationRule>("onap", "web", [&](auto& o) {
    o.spec.host = "web";
    auto& own = o.spec.trafficPolicy.connectionPool.emplace();
    own.connectTimeout = seconds(1);
    own.h2UpgradePolicy = "DO_NOT_UPGRADE";
  });
  CHECK(pool("onap").connectTimeout == seconds(1));
  CHECK(pool("onap").keepalive->probes == 3U);
  CHECK_FALSE(pool("onap").upgradeToHttp2);
  CHECK(pool("other").connectTimeout == seconds(3));

  mesh.add<api::VirtualService>("onap", "web", [&](auto& o) {
    o.spec.hosts = {"web"};
    auto& route = o.spec.http.emplace_back();
    route.route.emplace_back().destination.host = "web";
  });
  const auto& routes = mesh.ask(normalize::RoutesOf{model::Client("onap"), host, 80});
  REQUIRE(routes.http.size() == 1);
  CHECK(routes.http[0].retries.attempts == 5);
  CHECK_FALSE(mesh.ask(normalize::RoutesOf{model::Client("other"), host, 80}).defined);
}

TEST_CASE("another revision reads its own ConfigMap") {
  Mesh mesh;
  auto options = mesh.mesh();
  options.configMap = "istio-canary";
  mesh.setMesh(options);
  Spec spec;
  spec.outboundMode = Spec::OutboundMode::registry_only;
  configMap(mesh, spec, {}, "istio-canary");
  CHECK(mesh.ask(MeshSettingsOf{}).outbound == MeshSettings::Outbound::registry_only);
}

TEST_CASE("settings that the control plane's flags decide are told when they differ") {
  Mesh mesh;
  Spec spec;
  spec.trustDomain = "old.example.com";
  spec.rootNamespace = "istio-system";
  configMap(mesh, spec);
  (void)mesh.ask(MeshSettingsOf{});
  CHECK(mesh.noted("ConfigMap/istio-system/istio", "--trust-domain", Severity::warning));
  CHECK_FALSE(mesh.noted("ConfigMap/istio-system/istio", "--root-namespace", Severity::warning));
}

TEST_CASE("broken settings: what was good before them counts, else the defaults, and the author is told which") {
  Mesh mesh;
  Spec before;
  before.outboundMode = Spec::OutboundMode::registry_only;
  configMap(mesh, before, {errorAt("data.mesh.accessLogFile")});
  CHECK(mesh.ask(MeshSettingsOf{}).outbound == MeshSettings::Outbound::registry_only);
  CHECK(mesh.noted("ConfigMap/istio-system/istio", "from before them stay in effect"));
  configMap(mesh, std::nullopt, {errorAt("data.mesh")});
  CHECK(mesh.ask(MeshSettingsOf{}) == MeshSettings{});
  CHECK(mesh.noted("ConfigMap/istio-system/istio", "defaults are in effect"));
}
