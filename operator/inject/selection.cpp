#include "inject/selection.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/decoder.h"
#include "base/strings.h"
#include "inject/names.h"
#include "inject/pod.h"

namespace fairway::inject {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kAlready = "it is injected already";

std::string valueOf(const api::Labels& labels, std::string_view key) {
  const auto found = labels.find(std::string(key));
  return found == labels.end() ? std::string{} : found->second;
}

// What the pod itself says; nothing if it says nothing.
struct PodsWord {
  std::optional<bool> inject;
  std::string source;  // "its label sidecar.istio.io/inject is false"
};

PodsWord podsWord(const api::Labels& labels, const api::Labels& annotations, std::vector<std::string>& warnings) {
  const bool label = labels.contains(std::string(kInject));
  const auto value = label ? valueOf(labels, kInject) : valueOf(annotations, kInject);
  const auto where = std::string(label ? "label " : "annotation ") + std::string(kInject);
  if (value.empty()) return {};
  if (value == "true" || value == "false") return {value == "true", "its " + where + " is " + value};
  warnings.push_back(where + ": found " + api::quote(value) + ", expected \"true\" or \"false\"; it has no effect");
  return {};
}

std::optional<std::string> impossible(const Json& pod, const api::Labels& annotations) {
  const auto& spec = pod["spec"];
  const bool proxy = named(member(spec, "containers"), kProxyContainer) != nullptr ||
                     named(member(spec, "initContainers"), kProxyContainer) != nullptr;
  if (proxy && annotations.contains(std::string(kStatus))) return std::string(kAlready);
  const auto* hostNetwork = member(spec, "hostNetwork");
  if (hostNetwork != nullptr && *hostNetwork == true) {
    return "it has hostNetwork: true, and redirection inside it would change the node's own traffic";
  }
  const auto* os = member(spec, "os");
  if (os != nullptr && textAt(*os, "name") == "windows") return "it runs on Windows";
  return std::nullopt;
}

bool wantsGateway(const api::Labels& annotations) {
  for (const auto& name : split(valueOf(annotations, kTemplates), ',')) {
    if (trim(name) == kGatewayTemplate) return true;
  }
  return false;
}

// Steps 4 to 6. Nothing: the pod stays a candidate.
std::optional<std::string> byNamespace(const api::Labels& ns, const api::Labels& pod, bool asks,
                                       const Settings& settings, std::vector<std::string>& warnings) {
  const auto injection = valueOf(ns, kNamespaceInjection);
  if (injection == "disabled") return "the namespace has " + std::string(kNamespaceInjection) + "=disabled";
  if (!injection.empty() && injection != "enabled") {
    warnings.push_back("label " + std::string(kNamespaceInjection) + " of the namespace: found " +
                       api::quote(injection) + ", expected \"enabled\" or \"disabled\"; it has no effect");
  }
  const bool enabled = injection == "enabled";
  const auto namespaceRevision = enabled ? std::string{} : valueOf(ns, kRevision);
  const auto podRevision = enabled || !namespaceRevision.empty() ? std::string{} : valueOf(pod, kRevision);
  const auto wanted = namespaceRevision + podRevision;
  if (!wanted.empty() && !settings.serves(wanted)) {
    return "the " + std::string(namespaceRevision.empty() ? "pod" : "namespace") + " has " + std::string(kRevision) +
           "=" + wanted + ", and this is revision " + settings.revision;
  }
  const bool chosen = enabled || asks || settings.namespacesByDefault;
  if (wanted.empty() && !chosen) {
    return "the namespace has neither " + std::string(kNamespaceInjection) + "=enabled nor " + std::string(kRevision) +
           ", and the pod does not ask (label " + std::string(kInject) + "=true)";
  }
  if (wanted.empty() && !settings.serves("default")) {
    return "revision default is meant, and this is revision " + settings.revision;
  }
  return std::nullopt;
}

bool anyMatches(const std::vector<LabelSelector>& selectors, const api::Labels& labels) {
  return std::any_of(selectors.begin(), selectors.end(), [&](const auto& s) { return s.matches(labels); });
}

}  // namespace

Decision decide(const Json& pod, const Settings& settings, const Selection& selection) {
  Decision result;
  const auto labels = labelsOf(pod);
  const auto annotations = annotationsOf(pod);
  const auto word = podsWord(labels, annotations, result.warnings);
  const bool asks = word.inject == true;
  const auto conclude = [&](bool inject, std::string reason) {
    result.inject = inject;
    result.reason = std::move(reason);
    return result;
  };
  if (auto reason = impossible(pod, annotations)) {
    if (asks && !selection.byHand && *reason != kAlready) {
      result.warnings.push_back("it asks to be injected and is not: " + *reason);
    }
    return conclude(false, *reason);
  }
  if (!selection.byHand) {
    const auto& ignored = settings.ignoredNamespaces;
    if (std::find(ignored.begin(), ignored.end(), selection.ns) != ignored.end()) {
      return conclude(false, "namespace " + selection.ns + " is never injected (ignoredNamespaces)");
    }
    if (selection.ns == settings.rootNamespace && !(asks && wantsGateway(annotations))) {
      return conclude(false, "in the control plane's namespace only gateways that ask are injected");
    }
  }
  if (word.inject == false) return conclude(false, word.source);
  if (selection.byHand) return conclude(true, "it was named");
  if (selection.namespaceLabels) {
    if (auto reason = byNamespace(*selection.namespaceLabels, labels, asks, settings, result.warnings)) {
      return conclude(false, *reason);
    }
  }
  if (asks) return conclude(true, word.source);
  if (anyMatches(settings.neverInject, labels)) return conclude(false, "neverInjectSelector matches its labels");
  if (anyMatches(settings.alwaysInject, labels)) return conclude(true, "alwaysInjectSelector matches its labels");
  if (settings.enabled) return conclude(true, "the policy is enabled");
  return conclude(false, "the policy is disabled and it does not ask (label " + std::string(kInject) + "=true)");
}

}  // namespace fairway::inject
