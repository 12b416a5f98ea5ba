#include "normalize/mesh_settings.h"

#include "api/mesh_config.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

void checkFixed(store::View& view, const api::ConfigMap& object, const char* field,
                const std::optional<std::string>& found, const std::string& inUse, const char* flag) {
  if (!found || found->empty() || *found == inUse) return;
  warning(view, provenanceOf(object), std::string("data.mesh.") + field,
          "found \"" + *found + "\", but the control plane runs with \"" + inUse + "\", which stays: set its flag " +
              flag + ", or remove the field");
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
  checkFixed(view, *object, "trustDomain", from.trustDomain, view.mesh().trustDomain, "--trust-domain");
  checkFixed(view, *object, "rootNamespace", from.rootNamespace, view.mesh().rootNamespace, "--root-namespace");
  return result;
}

}  // namespace fairway::normalize
