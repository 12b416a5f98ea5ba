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
