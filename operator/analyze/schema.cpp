#include <algorithm>
#include <array>
#include <map>

#include "analyze/checks.h"
#include "analyze/spelling.h"
#include "api/codec.h"
#include "api/service_entry.h"

namespace fairway::analyze {

namespace {

// Groups whose kinds are the mesh's: a kind in them that nobody knows is a slip.
bool isOfTheMesh(const std::string& group) {
  return group.ends_with(".istio.io") || group == "istio.io" || group.ends_with(".fairway.io");
}

// Of Mixer's kinds those that limit how many requests come.
bool limitsRate(const std::string& kind) {
  static constexpr std::array<std::string_view, 5> kKinds{"quota", "memquota", "redisquota", "QuotaSpec",
                                                          "QuotaSpecBinding"};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

// What Istio reads in these groups, past and present. Kinds that are not read here have no effect.
const std::map<std::string_view, std::vector<std::string>>& istioKinds() {
  static const std::map<std::string_view, std::vector<std::string>> kinds = {
      {"networking.istio.io",
       {"DestinationRule", "EnvoyFilter", "Gateway", "ProxyConfig", "ServiceEntry", "Sidecar", "VirtualService",
        "WorkloadEntry", "WorkloadGroup"}},
      {"security.istio.io", {"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"}},
      {"authentication.istio.io", {"MeshPolicy", "Policy"}},
      {"rbac.istio.io", {"ClusterRbacConfig", "RbacConfig", "ServiceRole", "ServiceRoleBinding"}},
      {"extensions.istio.io", {"WasmPlugin"}},
      {"install.istio.io", {"IstioOperator"}}};
  return kinds;
}

std::vector<std::string> knownKinds(const std::string& group) {
  std::vector<std::string> result;
  for (const auto& info : api::allKinds()) {
    if (info.group == group) result.emplace_back(info.name);
  }
  if (const auto istio = istioKinds().find(group); istio != istioKinds().end()) {
    result.insert(result.end(), istio->second.begin(), istio->second.end());
  }
  return result;
}

std::vector<std::string> versionsOf(const std::string& group, const std::string& kind) {
  for (const auto& info : api::allKinds()) {
    if (info.group == group && info.name == kind) return {info.versions.begin(), info.versions.end()};
  }
  return {};
}

void checkKind(const Resource& resource, Reporter& report) {
  if (!isOfTheMesh(resource.group) || resource.group == "config.istio.io") return;
  const auto apiVersion = resource.group + "/" + resource.version;
  if (const auto versions = versionsOf(resource.group, resource.kind); !versions.empty()) {
    if (std::find(versions.begin(), versions.end(), resource.version) != versions.end())
      return;  // unreadable otherwise
    report.add(Code::unknown_kind, resource, "apiVersion",
               "found " + apiVersion + ", expected version " + listed(versions, 9) + " of " + resource.kind,
               "write apiVersion: " + resource.group + "/" + versions.front());
    return;
  }
  const auto known = knownKinds(resource.group);
  if (std::find(known.begin(), known.end(), resource.kind) != known.end()) {
    report.add(Code::unsupported_kind, resource, "kind",
               resource.kind + " of " + resource.group + " is not read by this control plane: it has no effect",
               "see the README for the kinds that are; leave it out if it only tuned Istio itself");
    return;
  }
  report.add(Code::unknown_kind, resource, "kind",
             "found kind " + resource.kind + " in " + resource.group + didYouMean(resource.kind, known) +
                 (known.empty() ? ", a group that has none" : ", expected one of " + listed(known, 12)),
             "correct kind or apiVersion; the API server refuses the object as it is");
}

bool isRegex(const std::string& field) { return field.ends_with(".regex") || field.ends_with("uriRegexRewrite.match"); }

Code codeOf(const Resource& resource, const api::Problem& problem) {
  if (problem.severity == api::Problem::Severity::warning) return Code::schema_warning;
  if (isRegex(problem.field)) return Code::invalid_regex;
  if (resource.kind == "EnvoyFilter" && problem.field.ends_with(".patch.operation")) return Code::patch_operation;
  if (problem.field == "spec.hosts" && resource.object && resource.object->kind == api::Kind::service_entry) {
    const auto& entry = static_cast<const api::ServiceEntry&>(*resource.object).spec;
    const bool byDns = entry.resolution == api::ServiceEntrySpec::Resolution::dns ||
                       entry.resolution == api::ServiceEntrySpec::Resolution::dns_round_robin;
    const bool wildcard =
        std::any_of(entry.hosts.begin(), entry.hosts.end(), [](const auto& host) { return host.starts_with('*'); });
    if (byDns && wildcard) return Code::wildcard_unresolved;
  }
  return Code::schema_error;
}

std::string fixOf(Code code) {
  switch (code) {
    case Code::schema_warning: return "remove or correct the field";
    case Code::patch_operation: return "use an operation that goes with applyTo; the patch is left out";
    case Code::invalid_regex: return "write the pattern in RE2's syntax (https://github.com/google/re2/wiki/Syntax)";
    case Code::wildcard_unresolved: return "name the hosts one by one, give endpoints, or set resolution: NONE";
    default:
      return "correct the field; until then the admission webhook refuses the object, and what it concerns fails "
             "closed";
  }
}

void checkDeprecated(const Resource& resource, Reporter& report) {
  const bool oldPolicy = resource.group == "authentication.istio.io" || resource.group == "rbac.istio.io";
  if (oldPolicy) {
    report.add(Code::deprecated, resource, "apiVersion",
               resource.kind + " of " + resource.group + " is an API of Istio before 1.6; it still works here",
               "fairway migrate writes the policies of security.istio.io that decide the same, with a proof");
  } else if (resource.group == "config.istio.io") {
    report.add(Code::deprecated, resource, "apiVersion",
               resource.kind + " of " + resource.group + " configures Mixer, which is gone: it has no effect",
               limitsRate(resource.kind) ? "a RateLimit (networking.fairway.io/v1alpha1) limits requests; fairway "
                                           "migrate writes one where it can say "
                                           "the same as the quota, and says why where not"
                                         : "fairway migrate writes AuthorizationPolicies for its deny and list rules, "
                                           "and RateLimits for its quotas, and "
                                           "says what has neither");
  }
}

}  // namespace

void checkSchema(const World& world, Reporter& report) {
  for (const auto* resource : world.resources()) {
    checkKind(*resource, report);
    checkDeprecated(*resource, report);
    for (const auto& problem : resource->problems) {
      const auto code = codeOf(*resource, problem);
      report.add(code, *resource, problem.field, problem.message, fixOf(code));
    }
  }
  for (const auto& [earlier, later] : world.repeated()) {
    report.add(Code::defined_twice, *earlier, "",
               "it is written again at " + later->origin.at("") + ": the one that is applied last counts",
               "keep one of the two, or give them different names");
  }
}

}  // namespace fairway::analyze
