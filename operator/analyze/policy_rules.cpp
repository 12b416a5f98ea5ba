#include <algorithm>
#include <set>

#include "analyze/checks.h"
#include "analyze/policies.h"
#include "analyze/spelling.h"
#include "base/strings.h"
#include "normalize/policy_target.h"
#include "normalize/queries.h"

namespace fairway::analyze {

namespace {

using Action = api::AuthorizationPolicySpec::Action;

// Whether a pattern of policies (x, x*, *x, *) takes everything that another does.
bool covers(const std::string& wide, const std::string& narrow) {
  if (wide == narrow || wide == "*") return true;
  if (narrow == "*") return false;
  if (wide.ends_with('*')) return narrow.starts_with(wide.substr(0, wide.size() - 1)) && !narrow.starts_with('*');
  if (wide.starts_with('*')) return narrow.ends_with(wide.substr(1)) && !narrow.ends_with('*');
  return false;
}

// What only HTTP has.
bool isOfHttp(const std::string& attribute) {
  return attribute == "hosts" || attribute == "methods" || attribute == "paths" || attribute == "requestPrincipals" ||
         attribute.starts_with("request.");
}

bool isOfTokens(const std::string& attribute) {
  return attribute == "requestPrincipals" || attribute.starts_with("request.auth.");
}

bool isOfIdentity(const std::string& attribute) {
  return attribute == "principals" || attribute == "namespaces" || attribute == "serviceAccounts" ||
         attribute == "source.principal" || attribute == "source.namespace" || attribute == "source.serviceAccount";
}

bool isPort(const std::string& attribute) { return attribute == "ports" || attribute == "destination.port"; }

void checkContradiction(const Resource& resource, const ValuesAt& at, Reporter& report) {
  if (at.values.empty() || at.notValues.empty()) return;
  const bool none = std::all_of(at.values.begin(), at.values.end(), [&](const auto& value) {
    return std::any_of(at.notValues.begin(), at.notValues.end(), [&](const auto& not_) { return covers(not_, value); });
  });
  if (!none) return;
  report.add(Code::contradiction, resource, at.field,
             "every value (" + listed(at.values, 9) + ") is also excluded (" + listed(at.notValues, 9) +
                 "): the rule never matches",
             "remove one of the two fields");
}

bool speaksHttp(const World& world, const Workload& workload) {
  const auto& ports = world.view().ask(normalize::InboundPortsOf{workload.ns, workload.labels()});
  // Ports that no service names may speak anything.
  return ports.empty() ||
         std::any_of(ports.begin(), ports.end(), [](const auto& port) { return model::isHttp(port.protocol); });
}

bool verifiesTokens(const World& world, const Workload& workload) {
  const auto ports = world.view().ask(normalize::InboundPortsOf{workload.ns, workload.labels()});
  std::vector<std::uint32_t> numbers{0};
  for (const auto& port : ports) numbers.push_back(port.port);
  return std::any_of(numbers.begin(), numbers.end(),
                     [&](std::uint32_t port) {
                       return !world.view()
                                   .ask(normalize::RequestAuthenticationOf{workload.ns, workload.labels(), port})
                                   .providers.empty();
                     }) ||
         !normalize::policiesFor<api::RequestAuthentication>(world.view(), workload.ns, workload.labels()).empty();
}

bool takesNoMtls(const World& world, const Workload& workload) {
  const auto& peers = world.view().ask(normalize::PeerAuthenticationOf{workload.ns, workload.labels()});
  return peers.mode == model::MtlsMode::disable &&
         std::all_of(peers.ports.begin(), peers.ports.end(),
                     [](const auto& port) { return port.second == model::MtlsMode::disable; });
}

// Of a workload: the ports of Services by the workload port behind each.
std::vector<std::pair<std::uint32_t, std::uint32_t>> servicePorts(const World& world, const Workload& workload) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> result;
  for (const auto& port : world.view().ask(normalize::InboundPortsOf{workload.ns, workload.labels()})) {
    for (const auto& service : port.services) result.emplace_back(service.servicePort, port.port);
  }
  return result;
}

// The workload ports that were meant, if `number` is a Service's port and no workload's.
std::set<std::uint32_t> meantPorts(const World& world, const std::vector<const Workload*>& workloads,
                                   std::uint32_t number) {
  std::set<std::uint32_t> meant;
  for (const auto* workload : workloads) {
    for (const auto& [service, port] : servicePorts(world, *workload)) {
      if (port == number) return {};
      if (service == number) meant.insert(port);
    }
  }
  return meant;
}

void checkPortNumber(const World& world, const Resource& resource, const std::vector<const Workload*>& workloads,
                     std::uint64_t number, const std::string& field, Reporter& report) {
  const auto meant = meantPorts(world, workloads, static_cast<std::uint32_t>(number));
  if (meant.empty()) return;
  std::vector<std::string> texts;
  for (const auto port : meant) texts.push_back(std::to_string(port));
  report.add(Code::service_port, resource, field,
             "port " + std::to_string(number) +
                 " is one of the Service, and policies speak of the workload's: that is " + listed(texts, 9) +
                 "; nothing comes in at " + std::to_string(number),
             "write " + texts.front());
}

class Policy {
 public:
  Policy(const World& world, const Resource& resource, const api::AuthorizationPolicy& policy, Reporter& report)
      : world_(world),
        resource_(resource),
        policy_(policy),
        report_(report),
        workloads_(workloadsOf(world, policy, policy.spec.selector, policy.spec.targetRefs)) {}

  void check() {
    eachValues(policy_, [&](const ValuesAt& at, std::size_t) {
      checkContradiction(resource_, at, report_);
      if (workloads_.empty()) return;
      checkWorkloads(at);
    });
  }

 private:
  void checkWorkloads(const ValuesAt& at) {
    const auto all = [&](auto is) {
      return std::all_of(workloads_.begin(), workloads_.end(),
                         [&](const auto* workload) { return is(world_, *workload); });
    };
    // DENY leaves out what TCP does not have, and denies more.
    const bool deny = policy_.spec.action == Action::deny;
    const auto& field = at.values.empty() ? at.notField : at.field;
    if (isOfHttp(at.attribute) && all([](const World& w, const Workload& l) { return !speaksHttp(w, l); })) {
      report_.add(Code::http_rule_for_tcp, resource_, field,
                  at.attribute + " is of HTTP requests, and no port of " + names() +
                      " is known to speak HTTP: " + (deny ? "the rule denies without it" : "the rule never matches"),
                  "name the Service's ports after their protocol (http-x) or set appProtocol; for TCP use ports, "
                  "principals, namespaces or ipBlocks");
      return;
    }
    if (isOfTokens(at.attribute) && !at.values.empty() &&
        all([](const World& w, const Workload& l) { return !verifiesTokens(w, l); })) {
      report_.add(Code::token_never_verified, resource_, field,
                  at.attribute + " is of verified tokens, and no RequestAuthentication is for " + names() +
                      ": the rule never matches",
                  "create a RequestAuthentication for the same workloads");
    }
    if (isOfIdentity(at.attribute) && !at.values.empty() && all(takesNoMtls)) {
      report_.add(Code::needs_mtls, resource_, field,
                  at.attribute + " is of client certificates, and " + names() +
                      " takes no mutual TLS (PeerAuthentication DISABLE): the rule never matches",
                  "set mode STRICT or PERMISSIVE");
    }
    if (!isPort(at.attribute)) return;
    for (std::size_t i = 0; i < at.values.size(); ++i) {
      if (const auto number = toNumber(at.values[i])) {
        checkPortNumber(world_, resource_, workloads_, *number, at.field + "[" + std::to_string(i) + "]", report_);
      }
    }
  }

  std::string names() const {
    std::vector<std::string> result;
    for (const auto* workload : workloads_) result.push_back(workload->text());
    return listed(result);
  }

  const World& world_;
  const Resource& resource_;
  const api::AuthorizationPolicy& policy_;
  Reporter& report_;
  std::vector<const Workload*> workloads_;
};

}  // namespace

void checkPolicyRules(const World& world, Reporter& report) {
  world.each<api::AuthorizationPolicy>([&](const Resource& resource, const api::AuthorizationPolicy& policy) {
    if (policy.valid()) Policy(world, resource, policy, report).check();
  });
  world.each<api::PeerAuthentication>([&](const Resource& resource, const api::PeerAuthentication& policy) {
    if (policy.spec.selector.empty() || !policy.valid()) return;
    const auto workloads = workloadsOf(world, policy, policy.spec.selector, {});
    for (const auto& [port, mode] : policy.spec.ports) {
      checkPortNumber(world, resource, workloads, port, "spec.portLevelMtls[" + std::to_string(port) + "]", report);
    }
  });
}

void checkTokens(const World& world, Reporter& report) {
  world.each<api::RequestAuthentication>([&](const Resource& resource, const api::RequestAuthentication& policy) {
    if (policy.spec.jwtRules.empty() || !policy.valid()) return;
    const auto workloads = workloadsOf(world, policy, policy.spec.selector, policy.spec.targetRefs);
    const bool none = !workloads.empty() && std::all_of(workloads.begin(), workloads.end(), [&](const auto* workload) {
      return !speaksHttp(world, *workload);
    });
    if (!none) return;
    std::vector<std::string> ports;
    for (const auto* workload : workloads) {
      for (const auto& port : world.view().ask(normalize::InboundPortsOf{workload->ns, workload->labels()})) {
        for (const auto& service : port.services) {
          ports.push_back(service.host + ":" + std::to_string(service.servicePort));
        }
      }
    }
    std::sort(ports.begin(), ports.end());
    ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
    report.add(Code::token_never_seen, resource, "spec.jwtRules",
               "tokens are in HTTP requests, and no port of its workloads is known to speak HTTP (" + listed(ports) +
                   "): no token is looked at",
               "name the Service's ports after their protocol (http-x), or set appProtocol");
  });
}

}  // namespace fairway::analyze
