#include <map>

#include "analyze/checks.h"
#include "analyze/routes.h"
#include "analyze/spelling.h"
#include "api/security.h"
#include "base/strings.h"
#include "normalize/hosts.h"
#include "normalize/policy_target.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

const api::Gateway* gatewayOf(const World& world, const std::string& resolved) {
  const auto slash = resolved.find('/');
  if (slash == std::string::npos) return nullptr;
  return world.view().get<api::Gateway>(resolved.substr(0, slash), resolved.substr(slash + 1));
}

void missingGateway(const World& world, const Resource& resource, const std::string& field, const std::string& written,
                    const std::string& resolved, Reporter& report) {
  std::vector<std::string> known, sameName;
  const auto name = resolved.substr(resolved.find('/') + 1);
  for (const auto* gateway : world.of(api::Kind::gateway)) {
    known.push_back(gateway->ns + "/" + gateway->name);
    if (gateway->name == name) sameName.push_back(known.back());
  }
  const auto hint = sameName.empty() ? didYouMean(resolved, known) : "; there is " + listed(sameName);
  report.add(
      Code::gateway_not_found, resource, field,
      "found gateway " + written + ", but there is no Gateway " + resolved + hint + ": the routes apply to no gateway",
      sameName.empty() ? "create it, or correct the name (namespace/name for one of another namespace)"
                       : "write " + sameName.front());
}

// Whether some server of the Gateway takes the host from this VirtualService.
bool serves(const api::Gateway& gateway, const std::string& ns, const std::string& host) {
  for (const auto& server : gateway.spec.servers) {
    for (const auto& text : server.hosts) {
      const auto slash = text.find('/');
      auto scope = slash == std::string::npos ? std::string("*") : text.substr(0, slash);
      if (scope == ".") scope = gateway.meta.ns;
      if (scope != "*" && scope != ns) continue;
      const auto dns = toLower(slash == std::string::npos ? text : text.substr(slash + 1));
      if (normalize::intersectHosts(host, dns)) return true;
    }
  }
  return false;
}

std::vector<std::string> hostsOf(const api::Gateway& gateway) {
  std::vector<std::string> result;
  for (const auto& server : gateway.spec.servers) {
    for (const auto& host : server.hosts) {
      if (std::find(result.begin(), result.end(), host) == result.end()) result.push_back(host);
    }
  }
  return result;
}

void checkHosts(const World& world, const Resource& resource, const api::VirtualService& object, std::size_t index,
                const std::string& resolved, const api::Gateway& gateway, Reporter& report) {
  std::vector<std::string> missing;
  for (const auto& written : object.spec.hosts) {
    const auto host = store::resolveHost(written, object.meta.ns, world.options().mesh);
    if (!host.empty() && !serves(gateway, object.meta.ns, host)) missing.push_back(written);
  }
  // Hosts for the mesh alone need not be the gateway's, as long as some are.
  if (missing.empty() || (isForMesh(object) && missing.size() < object.spec.hosts.size())) return;
  report.add(Code::host_not_in_gateway, resource, "spec.gateways[" + std::to_string(index) + "]",
             "no server of Gateway " + resolved + " takes host " + listed(missing, 9) + " from namespace " +
                 object.meta.ns + "; it has " + listed(hostsOf(gateway), 9) + ": requests for it are answered with 404",
             "add the host to the Gateway's servers, or correct it here");
}

// Keys of headers that ask for a claim of a token.
std::string claimOf(const api::VirtualService& object, std::string& field) {
  for (std::size_t i = 0; i < object.spec.http.size(); ++i) {
    const auto& matches = object.spec.http[i].match;
    for (std::size_t k = 0; k < matches.size(); ++k) {
      for (const auto* headers : {&matches[k].headers, &matches[k].withoutHeaders}) {
        for (const auto& [name, match] : *headers) {
          if (!name.starts_with('@')) continue;
          field = "spec." + ruleText("http", i) + ".match[" + std::to_string(k) + "]." +
                  (headers == &matches[k].headers ? "headers" : "withoutHeaders") + "[" + name + "]";
          return name;
        }
      }
    }
  }
  return {};
}

bool verifiesTokens(const World& world, const Workload& workload) {
  const auto policies =
      normalize::policiesFor<api::RequestAuthentication>(world.view(), workload.ns, workload.labels());
  return std::any_of(policies.begin(), policies.end(),
                     [](const auto* policy) { return !policy->spec.jwtRules.empty(); });
}

void checkClaims(const World& world, const Resource& resource, const api::VirtualService& object, Reporter& report) {
  std::string field;
  const auto claim = claimOf(object, field);
  if (claim.empty() || !world.knows(api::Kind::request_authentication)) return;
  for (const auto& name : gatewaysOf(object)) {
    const auto* gateway = gatewayOf(world, name);
    if (gateway == nullptr) continue;
    for (const auto* workload : world.select("", gateway->spec.selector)) {
      if (verifiesTokens(world, *workload)) continue;
      report.add(Code::claims_without_authentication, resource, field,
                 "the rule asks for " + claim + ", but no RequestAuthentication is for " + workload->text() +
                     " behind Gateway " + name + ": no token is verified there, and the rule never matches",
                 "create a RequestAuthentication in namespace " + workload->ns + " with selector " +
                     labelText(gateway->spec.selector));
      return;
    }
  }
}

struct Split {
  const Resource* resource;
  std::string subset;
};

// Hosts whose requests inside the mesh are sent to subsets, by VirtualServices that are for no gateway.
std::map<std::string, Split> splitHosts(const World& world) {
  std::map<std::string, Split> result;
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    if (gatewaysOf(object) != std::vector<std::string>{"mesh"}) return;
    std::string subset;
    eachDestination(object, [&](const DestinationAt& at) {
      if (!at.mirror && subset.empty()) subset = at.destination.subset;
    });
    if (subset.empty()) return;
    for (const auto& host : object.spec.hosts) {
      result.emplace(store::resolveHost(host, object.meta.ns, world.options().mesh), Split{&resource, subset});
    }
  });
  return result;
}

void checkSplits(const World& world, Reporter& report) {
  const auto split = splitHosts(world);
  if (split.empty()) return;
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    if (isForMesh(object)) return;
    eachDestination(object, [&](const DestinationAt& at) {
      if (at.mirror || !at.destination.subset.empty()) return;
      const auto host = store::resolveHost(at.destination.host, object.meta.ns, world.options().mesh);
      const auto found = split.find(host);
      if (found == split.end()) return;
      report.add(Code::no_effect_at_gateway, resource, at.field,
                 "the routes of " + found->second.resource->text() + " (subset " + found->second.subset +
                     ") do not apply to requests that the gateway sends to " + host + ": they go to all its workloads",
                 "name the subsets here, or add the gateway to the other VirtualService");
    });
  });
}

}  // namespace

void checkGatewayReferences(const World& world, Reporter& report) {
  world.each<api::VirtualService>([&](const Resource& resource, const api::VirtualService& object) {
    const auto& written = object.spec.gateways;
    for (std::size_t i = 0; i < written.size(); ++i) {
      const auto resolved = store::resolveGateway(written[i], object.meta.ns);
      if (resolved == "mesh" || !world.knows(api::Kind::gateway)) continue;
      if (const auto* gateway = gatewayOf(world, resolved)) {
        checkHosts(world, resource, object, i, resolved, *gateway, report);
      } else {
        missingGateway(world, resource, "spec.gateways[" + std::to_string(i) + "]", written[i], resolved, report);
      }
    }
    checkClaims(world, resource, object, report);
  });
  checkSplits(world, report);
}

}  // namespace fairway::analyze
