#include "analyze/codes.h"

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace fairway::analyze {

namespace {

constexpr auto kInfo = Severity::info;
constexpr auto kWarning = Severity::warning;
constexpr auto kError = Severity::error;

constexpr std::array kCodes = {
    CodeInfo{Code::unreadable, "UnreadableManifest", "", kError, "a manifest cannot be read"},
    CodeInfo{Code::schema_error, "SchemaError", "IST0106", kError, "a field has a value that is refused"},
    CodeInfo{Code::schema_warning, "SchemaWarning", "IST0133", kWarning, "a field is unknown, or has no effect"},
    CodeInfo{Code::unknown_kind, "UnknownKind", "", kError, "there is no such kind or version in the mesh's APIs"},
    CodeInfo{Code::note, "ControlPlaneNote", "", kWarning, "what the control plane says about the object"},
    CodeInfo{Code::deprecated, "Deprecated", "IST0002", kWarning, "an API that has a successor"},
    CodeInfo{Code::unsupported_kind, "UnsupportedKind", "", kWarning, "a kind of Istio that has no effect here"},
    CodeInfo{Code::defined_twice, "DefinedTwice", "", kWarning, "the same object is in the manifests twice"},

    CodeInfo{Code::host_not_found, "HostNotFound", "IST0101", kError, "a route leads to a host that does not exist"},
    CodeInfo{Code::subset_not_found, "SubsetNotFound", "IST0101", kError, "a route names a subset nobody defines"},
    CodeInfo{Code::gateway_not_found, "GatewayNotFound", "IST0101", kError,
             "a VirtualService names a Gateway that does not exist"},
    CodeInfo{Code::gateway_selects_nothing, "GatewaySelectsNothing", "IST0101", kError,
             "no workload has the labels of a Gateway's selector"},
    CodeInfo{Code::secret_not_found, "SecretNotFound", "IST0101", kError,
             "a Gateway's credentialName is no secret beside its pods"},
    CodeInfo{Code::role_not_found, "RoleNotFound", "IST0101", kError,
             "a ServiceRoleBinding names a ServiceRole that does not exist"},
    CodeInfo{Code::namespace_not_found, "NamespaceNotFound", "IST0101", kWarning,
             "a policy speaks of a namespace that does not exist"},
    CodeInfo{Code::port_not_found, "PortNotFound", "IST0101", kError,
             "a route leads to a port that its service does not have"},
    CodeInfo{Code::provider_not_found, "ProviderNotFound", "IST0101 IST0157", kError,
             "a policy or Telemetry names an extension provider that the mesh does not have"},
    CodeInfo{Code::backend_not_found, "BackendNotFound", "IST0101", kError,
             "an Ingress leads to a service or port that does not exist"},

    CodeInfo{Code::port_required, "PortRequired", "IST0112", kError,
             "a route leads to a service with several ports and names none"},
    CodeInfo{Code::same_mesh_host, "SameMeshHost", "IST0109", kWarning,
             "several VirtualServices route the same host inside the mesh"},
    CodeInfo{Code::host_not_in_gateway, "HostNotInGateway", "IST0132", kWarning,
             "a VirtualService's host is served by no server of its Gateway"},
    CodeInfo{Code::unreachable_rule, "UnreachableRule", "IST0130", kWarning,
             "a rule is never used: one before it takes its requests"},
    CodeInfo{Code::ineffective_match, "IneffectiveMatch", "IST0131", kInfo,
             "one match of a rule is covered by a rule before it"},
    CodeInfo{Code::invalid_regex, "InvalidRegex", "IST0122", kError, "a regular expression that RE2 refuses"},
    CodeInfo{Code::oversized_regex, "OversizedRegex", "", kError, "a regular expression that is too large for Envoy"},
    CodeInfo{Code::odd_weights, "OddWeights", "", kInfo, "weights that do not add up to 100"},
    CodeInfo{Code::nothing_behind, "NothingBehind", "", kWarning, "a route leads to a service that no workload backs"},
    CodeInfo{Code::delegate_not_found, "DelegateNotFound", "", kError,
             "a route is delegated to a VirtualService that cannot take it"},
    CodeInfo{Code::no_effect_at_gateway, "NoEffectAtGateway", "IST0140", kWarning,
             "routes inside the mesh do not apply to what a gateway sends to the same host"},
    CodeInfo{Code::claims_without_authentication, "ClaimsWithoutAuthentication", "IST0149", kError,
             "routing by token claims where no token is verified"},
    CodeInfo{Code::covered_host, "CoveredHost", "", kInfo,
             "a wildcard host of which another VirtualService takes a part"},
    CodeInfo{Code::unused_delegate, "UnusedDelegate", "", kWarning, "no VirtualService delegates to this one"},
    CodeInfo{Code::egress_host_not_found, "EgressHostNotFound", "", kWarning,
             "a Sidecar lets through to a host that does not exist"},
    CodeInfo{Code::route_parent_not_found, "RouteParentNotFound", "IST0101", kError,
             "a route of the Gateway API names a Gateway or Service that does not exist"},
    CodeInfo{Code::route_backend_not_found, "RouteBackendNotFound", "IST0101", kError,
             "a route of the Gateway API leads to a service or port that does not exist"},
    CodeInfo{Code::not_granted, "NotGranted", "", kError,
             "a reference into another namespace that no ReferenceGrant allows"},

    CodeInfo{Code::rule_host_not_found, "RuleHostNotFound", "IST0174", kWarning,
             "a DestinationRule is for a host that does not exist"},
    CodeInfo{Code::subset_selects_nothing, "SubsetSelectsNothing", "IST0173", kError,
             "no workload has the labels of a subset"},
    CodeInfo{Code::mtls_conflict, "MtlsConflict", "IST0113", kError,
             "a DestinationRule's TLS mode is not what the servers take"},
    CodeInfo{Code::public_roots, "PublicRoots", "IST0128", kWarning,
             "a service's certificate is checked against public roots"},
    CodeInfo{Code::public_port_roots, "PublicPortRoots", "IST0129", kWarning,
             "a port's certificate is checked against public roots"},
    CodeInfo{Code::second_policy, "SecondPolicy", "", kWarning,
             "two DestinationRules set the traffic policy of one host"},
    CodeInfo{Code::not_verified, "NotVerified", "", kWarning, "a server's certificate is not verified"},

    CodeInfo{Code::addresses_required, "AddressesRequired", "IST0134", kWarning,
             "a TCP port of a ServiceEntry cannot be told apart without addresses"},
    CodeInfo{Code::wildcard_unresolved, "WildcardUnresolved", "", kError,
             "a ServiceEntry's wildcard cannot be resolved"},
    CodeInfo{Code::host_of_another, "HostOfAnother", "", kWarning,
             "a ServiceEntry's host belongs to a Service or another ServiceEntry"},

    CodeInfo{Code::patch_operation, "PatchOperation", "IST0152 IST0153 IST0154", kError,
             "an EnvoyFilter's operation that does not go with what it is applied to"},
    CodeInfo{Code::relative_patch, "RelativePatch", "IST0151 IST0155", kWarning,
             "a patch relies on a filter of another EnvoyFilter that may come later"},
    CodeInfo{Code::same_telemetry_workloads, "SameTelemetryWorkloads", "IST0159", kError,
             "two Telemetries select the same workload"},
    CodeInfo{Code::second_telemetry, "SecondTelemetry", "IST0160", kError,
             "two Telemetries without a selector in one namespace"},

    CodeInfo{Code::same_gateway_host, "SameGatewayHost", "IST0145", kError,
             "two Gateways serve the same host on the same port of one workload"},
    CodeInfo{Code::mixed_port, "MixedPort", "", kError, "a gateway's port is asked to speak two protocols"},
    CodeInfo{Code::gateway_port_not_served, "GatewayPortNotServed", "IST0162", kWarning,
             "a Gateway's port is not one of the Service in front of its pods"},
    CodeInfo{Code::shared_certificate, "SharedCertificate", "IST0138", kWarning,
             "several Gateways use one certificate for different hosts"},
    CodeInfo{Code::bad_credential, "BadCredential", "IST0161", kError, "a Gateway's secret cannot be used"},

    CodeInfo{Code::namespace_not_injected, "NamespaceNotInjected", "IST0102", kInfo,
             "a namespace with workloads is not in the mesh"},
    CodeInfo{Code::pod_without_proxy, "PodWithoutProxy", "IST0103", kWarning, "a pod lacks its proxy"},
    CodeInfo{Code::services_differ, "ServicesDiffer", "IST0116", kWarning,
             "services call one workload port by different protocols"},
    CodeInfo{Code::target_port_twice, "TargetPortTwice", "IST0137", kWarning,
             "services lead to one workload port from different ports"},
    CodeInfo{Code::port_name, "PortName", "IST0118", kInfo, "a Service's port does not say its protocol"},
    CodeInfo{Code::token_never_seen, "TokenNeverSeen", "IST0119", kWarning,
             "tokens are asked for where no port speaks HTTP"},
    CodeInfo{Code::external_name_port, "ExternalNamePort", "IST0150", kWarning,
             "an ExternalName Service has a port that is not HTTP"},
    CodeInfo{Code::two_injection_labels, "TwoInjectionLabels", "IST0123", kWarning,
             "a namespace has both labels of injection"},
    CodeInfo{Code::proxy_user, "ProxyUser", "IST0144", kWarning, "an app runs as the proxy's user"},
    CodeInfo{Code::image_auto, "ImageAuto", "IST0146 IST0147", kError, "image: auto in a pod that is not injected"},

    CodeInfo{Code::misplaced_annotation, "MisplacedAnnotation", "IST0107", kWarning,
             "an annotation of the mesh on a kind it is not for"},
    CodeInfo{Code::unknown_annotation, "UnknownAnnotation", "IST0108", kWarning,
             "an annotation that nobody knows under the mesh's domain"},
    CodeInfo{Code::invalid_annotation, "InvalidAnnotation", "IST0125", kWarning,
             "an annotation whose value is refused: the pod is not admitted"},
    CodeInfo{Code::old_annotation, "OldAnnotation", "IST0135", kInfo, "an annotation that has been given up"},
    CodeInfo{Code::annotation_without_effect, "AnnotationWithoutEffect", "", kInfo,
             "an annotation of Istio that has no effect here"},

    CodeInfo{Code::selects_nothing, "SelectsNothing", "IST0127", kWarning,
             "no workload has the labels of a policy's selector"},
    CodeInfo{Code::contradiction, "Contradiction", "", kWarning, "a policy's rule contradicts itself"},
    CodeInfo{Code::http_rule_for_tcp, "HttpRuleForTcp", "", kWarning,
             "a policy's rule asks for HTTP where only TCP is spoken"},
    CodeInfo{Code::token_never_verified, "TokenNeverVerified", "", kWarning,
             "a policy's rule asks for a token that nothing verifies"},
    CodeInfo{Code::needs_mtls, "NeedsMtls", "", kWarning,
             "a policy's rule asks for an identity where mutual TLS is off"},
    CodeInfo{Code::service_port, "ServicePort", "", kWarning, "a policy names a Service's port, not the workload's"},
    CodeInfo{Code::second_peer_authentication, "SecondPeerAuthentication", "", kWarning,
             "two PeerAuthentications speak for the same workloads"},
    CodeInfo{Code::same_sidecar_workloads, "SameSidecarWorkloads", "IST0110", kError,
             "two Sidecars select the same workload"},
    CodeInfo{Code::second_sidecar, "SecondSidecar", "IST0111", kError,
             "two Sidecars without a selector in one namespace"},
};

}  // namespace

std::span<const CodeInfo> allCodes() { return kCodes; }

const CodeInfo& codeInfo(Code code) {
  return *std::find_if(kCodes.begin(), kCodes.end(), [&](const CodeInfo& info) { return info.code == code; });
}

std::string codeText(Code code) { return "FW0" + std::to_string(static_cast<int>(code)); }

const CodeInfo* findCode(std::string_view text) {
  const auto found =
      std::find_if(kCodes.begin(), kCodes.end(), [&](const CodeInfo& info) { return codeText(info.code) == text; });
  return found == kCodes.end() ? nullptr : &*found;
}

bool means(const CodeInfo& info, std::string_view text) {
  if (codeText(info.code) == text) return true;
  const auto names = split(info.istio, ' ');
  return !text.empty() && std::find(names.begin(), names.end(), text) != names.end();
}

}  // namespace fairway::analyze
