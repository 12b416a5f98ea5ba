#include "normalize/mesh_settings.h"

#include <algorithm>

#include "api/mesh_config.h"
#include "normalize/http_action.h"
#include "normalize/objects.h"
#include "normalize/tls_material.h"
#include "normalize/traffic_policy.h"

namespace fairway::normalize {

namespace {

void checkFixed(store::View& view, const api::ConfigMap& object, const char* field,
                const std::optional<std::string>& found, const std::string& inUse, const char* flag) {
  if (!found || found->empty() || *found == inUse) return;
  warning(view, provenanceOf(object), std::string("data.mesh.") + field,
          "found \"" + *found + "\", but the control plane runs with \"" + inUse + "\", which stays: set its flag " +
              flag + ", or remove the field");
}

// "TLSV1_2" -> "TLSv1_2".
std::string versionName(std::string name) {
  if (name.size() > 3) name[3] = 'v';
  return name;
}

model::MeshSettings::Tls tlsOf(const api::MeshConfigSpec::Tls& from) {
  return {versionName(from.minProtocolVersion), from.cipherSuites, from.ecdhCurves};
}

// What the agents will not be able to use is left out there; its author is told here.
void checkRoots(store::View& view, const api::ConfigMap& object, const model::MeshSettings& settings) {
  const auto& entries = object.spec.mesh->caCertificates;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const auto field = "data.mesh.caCertificates[" + std::to_string(i) + "]";
    if (const auto problem = rootsProblem(entries[i].pem)) {
      error(view, provenanceOf(object), field + ".pem", *problem + ": these roots are not trusted");
    }
    for (const auto& domain : entries[i].trustDomains) {
      const auto& aliases = settings.trustDomainAliases;
      if (domain == view.mesh().trustDomain || std::find(aliases.begin(), aliases.end(), domain) != aliases.end())
        continue;
      warning(view, provenanceOf(object), field + ".trustDomains",
              "servers of trust domain " + domain +
                  " can be called, but its workloads may not call ours: add it to trustDomainAliases if they are to, "
                  "which makes its identities equal to ours");
    }
  }
}

void setConnections(const api::MeshConfigSpec::Connections& from, model::MeshSettings& to) {
  if (from.connectTimeout) to.connectTimeout = *from.connectTimeout;
  if (from.dnsRefreshRate) to.dnsRefresh = *from.dnsRefreshRate;
  if (from.protocolDetectionTimeout) to.detection = *from.protocolDetectionTimeout;
  if (from.tcpKeepalive) {
    to.keepalive = {from.tcpKeepalive->probes, from.tcpKeepalive->time, from.tcpKeepalive->interval};
  }
  to.upgradeToHttp2 = from.upgradeToHttp2.value_or(false);
  if (from.retries) to.retries = convertRetries(from.retries);
}

}  // namespace

MeshSettingsOf::Value meshSettingsOf(store::View& view, const MeshSettingsOf&) {
  using From = api::MeshConfigSpec;
  MeshSettingsOf::Value result;
  const auto* object = view.get<api::ConfigMap>(view.mesh().rootNamespace, view.mesh().configMap);
  if (object == nullptr) return result;
  if (!object->valid()) {
    error(view, provenanceOf(*object), "data.mesh",
          object->spec.mesh ? "it has errors: the settings from before them stay in effect"
                            : "it has errors, and there are no settings from before them: the defaults are in effect");
  }
  if (!object->spec.mesh) return result;
  const auto& from = *object->spec.mesh;
  if (from.outboundMode == From::OutboundMode::registry_only) {
    result.outbound = model::MeshSettings::Outbound::registry_only;
  }
  if (from.accessLogFile) result.accessLogFile = *from.accessLogFile;
  if (from.ingressMode) {
    switch (*from.ingressMode) {
      case From::IngressMode::off: result.ingress = model::MeshSettings::Ingress::off; break;
      case From::IngressMode::by_default: result.ingress = model::MeshSettings::Ingress::by_default; break;
      case From::IngressMode::strict: result.ingress = model::MeshSettings::Ingress::strict; break;
    }
  }
  if (from.pathNormalization) {
    switch (*from.pathNormalization) {
      case From::PathNormalization::base: result.paths = model::MeshSettings::Paths::base; break;
      case From::PathNormalization::none: result.paths = model::MeshSettings::Paths::none; break;
      case From::PathNormalization::merge_slashes: result.paths = model::MeshSettings::Paths::merge_slashes; break;
      case From::PathNormalization::decode_and_merge_slashes:
        result.paths = model::MeshSettings::Paths::decode_and_merge_slashes;
        break;
    }
  }
  if (from.ingressClass && !from.ingressClass->empty()) result.ingressClass = *from.ingressClass;
  if (from.ingressSelector && !from.ingressSelector->empty()) result.ingressSelector = *from.ingressSelector;
  if (from.ingressService && !from.ingressService->empty()) result.ingressService = *from.ingressService;
  result.trustDomainAliases = from.trustDomainAliases;
  std::erase(result.trustDomainAliases, view.mesh().trustDomain);
  result.meshTls = tlsOf(from.meshMtls);
  result.tlsDefaults = tlsOf(from.tlsDefaults);
  if (from.locality) result.locality = convertLocality(*from.locality);
  result.autoMtls = from.enableAutoMtls.value_or(true);
  if (from.authPolicy) {
    const bool mutual = *from.authPolicy == From::AuthPolicy::mutual_tls;
    result.defaultMtls = mutual ? model::MtlsMode::strict : model::MtlsMode::disable;
  }
  setConnections(from.connections, result);
  if (from.proxyDefaults.gatewayTopology) result.gatewayTopology = *from.proxyDefaults.gatewayTopology;
  result.servicesTo = from.exportTo.services;
  result.virtualServicesTo = from.exportTo.virtualServices;
  result.destinationRulesTo = from.exportTo.destinationRules;
  result.accessLogFormat = from.accessLog.format;
  result.accessLogJson = from.accessLog.json.value_or(false);
  checkRoots(view, *object, result);
  checkFixed(view, *object, "trustDomain", from.trustDomain, view.mesh().trustDomain, "--trust-domain");
  checkFixed(view, *object, "rootNamespace", from.rootNamespace, view.mesh().rootNamespace, "--root-namespace");
  return result;
}

}  // namespace fairway::normalize
