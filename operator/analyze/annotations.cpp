#include <algorithm>
#include <array>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "base/strings.h"
#include "inject/options.h"

namespace fairway::analyze {

namespace {

// Whom an annotation is for: a kind, "Pod" (and templates of pods), "*": any.
struct Known {
  std::string_view name;
  std::string_view kinds;  // with blanks between
  bool old = false;        // given up by Istio
};

constexpr std::array kKnown = {
    Known{"alpha.istio.io/canonical-serviceaccounts", "Service", true},
    Known{"alpha.istio.io/identity", "Pod", true},
    Known{"alpha.istio.io/kubernetes-serviceaccounts", "Service", true},
    Known{"ambient.istio.io/bypass-inbound-capture", "Pod"},
    Known{"ambient.istio.io/dns-capture", "Pod"},
    Known{"ambient.istio.io/redirection", "Pod"},
    Known{"ambient.istio.io/waypoint-inbound-binding", "GatewayClass"},
    Known{"galley.istio.io/analyze-suppress", "*"},
    Known{"gateway.istio.io/controller-version", "Gateway"},
    Known{"gateway.istio.io/name-override", "Gateway"},
    Known{"gateway.istio.io/service-account", "Gateway"},
    Known{"inject.istio.io/templates", "Pod"},
    Known{"install.operator.istio.io/chart-owner", "*"},
    Known{"install.operator.istio.io/owner-generation", "*"},
    Known{"install.operator.istio.io/version", "*"},
    Known{"istio.io/autoRegistrationGroup", "WorkloadEntry"},
    Known{"istio.io/connectedAt", "WorkloadEntry"},
    Known{"istio.io/disconnectedAt", "WorkloadEntry"},
    Known{"istio.io/dry-run", "AuthorizationPolicy"},
    Known{"istio.io/for-service-account", "*"},
    Known{"istio.io/rerouteVirtualInterfaces", "Pod"},
    Known{"istio.io/rev", "Pod Namespace"},
    Known{"istio.io/workloadController", "WorkloadEntry"},
    Known{"networking.istio.io/address-type", "Gateway"},
    Known{"networking.istio.io/exportTo", "Service"},
    Known{"networking.istio.io/service-type", "Gateway"},
    Known{"networking.istio.io/traffic-distribution", "Service ServiceEntry Namespace"},
    Known{"prometheus.istio.io/merge-metrics", "Pod"},
    Known{"proxy.istio.io/config", "Pod Gateway"},
    Known{"proxy.istio.io/health-checks-enabled", "WorkloadEntry"},
    Known{"proxy.istio.io/overrides", "Pod"},
    Known{"readiness.status.sidecar.istio.io/applicationPorts", "Pod"},
    Known{"readiness.status.sidecar.istio.io/failureThreshold", "Pod"},
    Known{"readiness.status.sidecar.istio.io/initialDelaySeconds", "Pod"},
    Known{"readiness.status.sidecar.istio.io/periodSeconds", "Pod"},
    Known{"sidecar.istio.io/agentLogLevel", "Pod"},
    Known{"sidecar.istio.io/bootstrapOverride", "Pod"},
    Known{"sidecar.istio.io/componentLogLevel", "Pod"},
    Known{"sidecar.istio.io/controlPlaneAuthPolicy", "Pod", true},
    Known{"sidecar.istio.io/discoveryAddress", "Pod", true},
    Known{"sidecar.istio.io/enableCoreDump", "Pod"},
    Known{"sidecar.istio.io/extraStatTags", "Pod"},
    Known{"sidecar.istio.io/inject", "Pod"},
    Known{"sidecar.istio.io/interceptionMode", "Pod"},
    Known{"sidecar.istio.io/logLevel", "Pod"},
    Known{"sidecar.istio.io/nativeSidecar", "Pod"},
    Known{"sidecar.istio.io/proxyCPU", "Pod"},
    Known{"sidecar.istio.io/proxyCPULimit", "Pod"},
    Known{"sidecar.istio.io/proxyImage", "Pod"},
    Known{"sidecar.istio.io/proxyImageType", "Pod"},
    Known{"sidecar.istio.io/proxyMemory", "Pod"},
    Known{"sidecar.istio.io/proxyMemoryLimit", "Pod"},
    Known{"sidecar.istio.io/rewriteAppHTTPProbers", "Pod"},
    Known{"sidecar.istio.io/statsCompression", "Pod"},
    Known{"sidecar.istio.io/statsEvictionInterval", "Pod"},
    Known{"sidecar.istio.io/statsFlushInterval", "Pod"},
    Known{"sidecar.istio.io/statsHistogramBuckets", "Pod"},
    Known{"sidecar.istio.io/statsInclusionPrefixes", "Pod", true},
    Known{"sidecar.istio.io/statsInclusionRegexps", "Pod", true},
    Known{"sidecar.istio.io/statsInclusionSuffixes", "Pod", true},
    Known{"sidecar.istio.io/status", "Pod"},
    Known{"sidecar.istio.io/userVolume", "Pod"},
    Known{"sidecar.istio.io/userVolumeMount", "Pod"},
    Known{"status.sidecar.istio.io/port", "Pod"},
    Known{"topology.istio.io/controlPlaneClusters", "Namespace"},
    Known{"traffic.istio.io/nodeSelector", "Service"},
    Known{"traffic.sidecar.istio.io/excludeInboundPorts", "Pod"},
    Known{"traffic.sidecar.istio.io/excludeInterfaces", "Pod"},
    Known{"traffic.sidecar.istio.io/excludeOutboundIPRanges", "Pod"},
    Known{"traffic.sidecar.istio.io/excludeOutboundPorts", "Pod"},
    Known{"traffic.sidecar.istio.io/includeInboundPorts", "Pod"},
    Known{"traffic.sidecar.istio.io/includeOutboundIPRanges", "Pod"},
    Known{"traffic.sidecar.istio.io/includeOutboundPorts", "Pod"},
    Known{"traffic.sidecar.istio.io/kubevirtInterfaces", "Pod", true},
};

// Names with a part that users choose: auth.istio.io/8080 of a Service, and what tools keep for themselves.
bool isOpen(const std::string& name) {
  return name.starts_with("auth.istio.io/") || name.starts_with("internal.istio.io/");
}

bool isOfTheMesh(const std::string& name) {
  const auto domain = name.substr(0, name.find('/'));
  return name.find('/') != std::string::npos && (domain == "istio.io" || domain.ends_with(".istio.io"));
}

const Known* known(const std::string& name) {
  const auto found = std::find_if(kKnown.begin(), kKnown.end(), [&](const Known& k) { return k.name == name; });
  return found == kKnown.end() ? nullptr : &*found;
}

std::vector<std::string> knownNames() {
  std::vector<std::string> names;
  for (const auto& each : kKnown) names.emplace_back(each.name);
  return names;
}

bool isFor(const Known& annotation, const std::string& kind) {
  const auto kinds = split(annotation.kinds, ' ');
  return annotation.kinds == "*" || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

std::string fieldOf(const std::string& at, const std::string& name) {
  return at + (at.empty() ? "" : ".") + "metadata.annotations[" + name + "]";
}

// `kind` is whom the annotations speak to: "Pod" for those of a template.
void checkNames(const Resource& resource, const std::string& kind, const std::string& at,
                const api::Labels& annotations, Reporter& report) {
  for (const auto& [name, value] : annotations) {
    if (!isOfTheMesh(name) || isOpen(name)) continue;
    const auto field = fieldOf(at, name);
    const auto* annotation = known(name);
    if (annotation == nullptr) {
      report.add(
          Code::unknown_annotation, resource, field,
          "found the annotation " + name + didYouMean(name, knownNames()) + ", which nobody knows: it has no effect",
          "correct its name, or remove it");
    } else if (!isFor(*annotation, kind)) {
      const bool belongsIntoTemplate = isFor(*annotation, "Pod") && resource.pod && at.empty();
      report.add(Code::misplaced_annotation, resource, field,
                 "the annotation " + name + " is for " + join(split(annotation->kinds, ' '), " and ") +
                     ", found on a " + kind + ": it has no effect",
                 belongsIntoTemplate ? "move it to " + resource.pod->at + ".metadata.annotations"
                                     : "move it to the object that it is meant for");
    } else if (annotation->old) {
      report.add(Code::old_annotation, resource, field,
                 "the annotation " + name + " has been given up: it has no effect", "remove it");
    }
  }
}

// "annotation a/b: found x" -> "a/b"
std::string nameIn(const std::string& text) {
  const std::string start = "annotation ";
  if (!text.starts_with(start)) return {};
  return text.substr(start.size(), text.find(": ") - start.size());
}

void checkValues(const Workload& workload, const World& world, Reporter& report) {
  const auto& pod = *workload.pod;
  const auto options = inject::readOptions(pod.annotations, world.options().injection, true);
  if (!options) {
    report.add(Code::invalid_annotation, *workload.resource, fieldOf(pod.at, nameIn(options.error().message)),
               options.error().message, "correct it: the injection webhook refuses the pod as it is");
    return;
  }
  for (const auto& warning : options->warnings) {
    const auto name = nameIn(warning);
    const auto* annotation = known(name);
    if (annotation == nullptr || annotation->old) continue;  // said already
    report.add(Code::annotation_without_effect, *workload.resource, fieldOf(pod.at, name), warning,
               "remove it, or see the list of annotations in docs/injection.md");
  }
}

}  // namespace

void checkAnnotations(const World& world, Reporter& report) {
  for (const auto* resource : world.resources()) {
    const bool isPod = resource->pod && resource->pod->at.empty();
    // Pods of the cluster have theirs from templates, and from injection itself.
    if (isPod && !resource->pod->ownerKind.empty()) continue;
    if (resource->kind == "ReplicaSet" && resource->origin.inCluster()) continue;
    checkNames(*resource, resource->kind, "", resource->annotations, report);
    if (resource->pod && !resource->pod->at.empty()) {
      checkNames(*resource, "Pod", resource->pod->at, resource->pod->annotations, report);
    }
  }
  for (const auto& workload : world.workloads()) {
    if (workload.resource == nullptr) continue;
    if (workload.isPod && !workload.pod->ownerKind.empty()) continue;
    if (world.inMesh(workload)) checkValues(workload, world, report);
  }
}

}  // namespace fairway::analyze
