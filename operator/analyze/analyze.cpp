#include "analyze/analyze.h"

#include <algorithm>
#include <array>

#include "analyze/checks.h"
#include "base/strings.h"

namespace fairway::analyze {

namespace {

constexpr const char* kSuppress = "galley.istio.io/analyze-suppress";

constexpr std::array kAnalyzers = {
    Analyzer{"schema.validation", "fields, kinds and versions; old APIs; objects that are given twice", checkSchema},
    Analyzer{"virtualservice.regexes", "the size of regular expressions", checkRegexes},
    Analyzer{"annotations", "names, places and values of the mesh's annotations", checkAnnotations},
    Analyzer{"virtualservice.destinations", "hosts, ports and subsets that routes lead to", checkDestinations},
    Analyzer{"virtualservice.weights", "weights", checkWeights},
    Analyzer{"virtualservice.rules", "rules and matches that are never used", checkRules},
    Analyzer{"virtualservice.meshhosts", "hosts that several VirtualServices route", checkMeshHosts},
    Analyzer{"virtualservice.delegates", "routes in place of those of another VirtualService", checkDelegates},
    Analyzer{"virtualservice.gateways", "the Gateways that VirtualServices name", checkGatewayReferences},
    Analyzer{"gateway.workloads", "the pods that Gateways select, and their ports", checkGatewayWorkloads},
    Analyzer{"gateway.credentials", "the secrets of Gateways", checkGatewayCredentials},
    Analyzer{"gateway.conflicts", "Gateways that want the same port or host", checkGatewayConflicts},
    Analyzer{"ingress.backends", "what Ingresses lead to", checkIngresses},
    Analyzer{"destinationrule.hosts", "hosts and subsets of DestinationRules", checkDestinationRules},
    Analyzer{"destinationrule.tls", "TLS of DestinationRules against what servers take", checkDestinationTls},
    Analyzer{"serviceentry", "addresses and hosts of ServiceEntries", checkServiceEntries},
    Analyzer{"service.ports", "names of ports, and services of one workload that differ", checkServices},
    Analyzer{"injection", "namespaces, pods and containers that injection concerns", checkInjection},
    Analyzer{"policy.selectors", "selectors that select nothing or the same", checkSelectors},
    Analyzer{"policy.references", "roles, namespaces and providers that policies name", checkPolicyReferences},
    Analyzer{"policy.rules", "rules of policies that can never match", checkPolicyRules},
    Analyzer{"policy.tokens", "tokens where no HTTP is spoken", checkTokens},
    Analyzer{"sidecar", "workloads and hosts of Sidecars", checkSidecars},
    Analyzer{"envoyfilter", "patches that rely on those of others", checkEnvoyFilters},
    Analyzer{"telemetry", "workloads and providers of Telemetries", checkTelemetries},
    Analyzer{"gatewayapi", "what Gateways and routes of the Gateway API refer to", checkGatewayApi},
    Analyzer{"notes", "all else that the control plane would say about the objects", checkNotes},
};

// `pattern` with * for any text.
bool matches(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '*') {
    for (std::size_t skipped = 0; skipped <= text.size(); ++skipped) {
      if (matches(pattern.substr(1), text.substr(skipped))) return true;
    }
    return false;
  }
  return !text.empty() && pattern.front() == text.front() && matches(pattern.substr(1), text.substr(1));
}

// "Pod web.shop", as istioctl writes it in suppressions.
std::string dotted(const Resource& resource) {
  return resource.kind + " " + resource.name + (resource.ns.empty() ? "" : "." + resource.ns);
}

bool isSuppressed(const World& world, const Reporter::Item& item) {
  const auto& info = codeInfo(item.code);
  const auto& resource = *item.resource;
  for (const auto& text : world.options().suppressed) {
    const auto equals = text.find('=');
    if (means(info, text.substr(0, equals)) && matches(text.substr(equals + 1), dotted(resource))) return true;
  }
  const auto annotation = resource.annotations.find(kSuppress);
  if (annotation == resource.annotations.end()) return false;
  const auto codes = split(annotation->second, ',');
  return std::any_of(codes.begin(), codes.end(),
                     [&](const auto& code) { return trim(code) == "*" || means(info, trim(code)); });
}

bool isAskedFor(const World& world, const Resource& resource) {
  const auto& ns = world.options().ns;
  if (!resource.origin.inCluster() || ns.empty()) return true;
  return resource.ns == ns || (resource.kind == "Namespace" && resource.name == ns);
}

}  // namespace

std::span<const Analyzer> analyzers() { return kAnalyzers; }

Findings analyze(const World& world) {
  Reporter report;
  for (const auto& analyzer : kAnalyzers) analyzer.run(world, report);
  Findings findings;
  for (const auto& item : report.items()) {
    if (isAskedFor(world, *item.resource) && !isSuppressed(world, item)) findings.push_back(item.finding);
  }
  return sorted(std::move(findings));
}

Finding unreadable(const std::string& source, const std::string& why) {
  Finding finding{codeText(Code::unreadable), codeInfo(Code::unreadable).severity, "", why,
                  "correct the YAML; nothing of this file, or of this document, has been looked at"};
  finding.source = source;
  return finding;
}

Result<void> checkSuppression(const std::string& text) {
  const auto equals = text.find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    return failure("found \"" + text + "\", expected CODE=Kind name.namespace, as in FW0271=Pod *.testing");
  }
  const auto code = text.substr(0, equals);
  const auto codes = allCodes();
  if (std::any_of(codes.begin(), codes.end(), [&](const CodeInfo& info) { return means(info, code); })) return {};
  return failure("there is no code " + code + "; fairway analyze --list-analyzers lists them");
}

}  // namespace fairway::analyze
