#include "normalize/backend_tls.h"

#include <algorithm>

#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

using api::gateway_api::BackendTlsPolicy;
using Target = api::gateway_api::BackendTlsPolicySpec::Target;

// No certificate authority issues it.
constexpr const char* kNobody = "spiffe://invalid/no-usable-backend-tls-policy";

bool names(const Target& target, const std::string& service) {
  return target.object.group.empty() && target.object.kind == "Service" && target.object.name == service;
}

}  // namespace

const BackendTlsPolicy* backendTlsPolicy(store::View& view, const std::string& ns, const std::string& service,
                                         const std::string& portName) {
  auto policies = view.list<BackendTlsPolicy>(ns);
  sortOldestFirst(policies);
  const BackendTlsPolicy* found = nullptr;
  for (const auto* policy : policies) {
    for (const auto& target : policy->spec.targets) {
      if (!names(target, service)) continue;
      if (!target.sectionName.empty() && target.sectionName == portName) return policy;
      if (target.sectionName.empty() && found == nullptr) found = policy;
    }
  }
  return found;
}

BackendTlsFaults faultsOf(store::View& view, const BackendTlsPolicy& policy) {
  BackendTlsFaults faults;
  if (!policy.valid()) faults.accepted = {"Invalid", "the policy has errors"};
  const auto& spec = policy.spec;
  if (!spec.wellKnownRoots.empty()) {
    if (spec.wellKnownRoots != "System") {
      faults.accepted = {"Invalid", "wellKnownCACertificates is " + spec.wellKnownRoots + ", expected System"};
    }
    return faults;
  }
  const auto roots = rootsOf(view, policy, spec.roots);
  faults.resolved = roots.fault;
  if (roots.pem.empty()) {
    faults.accepted = {"NoValidCACertificate", roots.fault.ok() ? "there are no CA certificates" : roots.fault.message};
  }
  return faults;
}

std::optional<model::TrafficPolicy::Tls> backendTls(store::View& view, const std::string& host, std::uint32_t port) {
  const auto& service = view.ask(ServiceOf{host});
  if (!service || service->kind != "Service") return std::nullopt;
  const auto* servicePort = service->port(port);
  const auto* policy =
      backendTlsPolicy(view, service->ns, service->name, servicePort == nullptr ? std::string() : servicePort->name);
  if (policy == nullptr) return std::nullopt;
  const auto faults = faultsOf(view, *policy);
  model::TrafficPolicy::Tls tls;
  tls.mode = model::TrafficPolicy::Tls::Mode::simple;
  tls.sni = policy->spec.hostname;
  if (!faults.accepted.ok()) {
    error(view, provenanceOf(*policy), "spec.validation",
          faults.accepted.message + ": connections to " + host + " fail");
    tls.subjectAltNames = {kNobody};
    return tls;
  }
  tls.subjectAltNames = policy->spec.subjectAltNames;
  if (tls.subjectAltNames.empty()) tls.subjectAltNames = {policy->spec.hostname};
  if (policy->spec.wellKnownRoots.empty()) tls.roots = rootsOf(view, *policy, policy->spec.roots).pem;
  return tls;
}

}  // namespace fairway::normalize
