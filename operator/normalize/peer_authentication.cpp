#include "normalize/peer_authentication.h"

#include <algorithm>
#include <array>
#include <vector>

#include "api/security.h"
#include "normalize/alpha_policy.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

using Policy = api::PeerAuthentication;
using Mode = api::PeerAuthenticationSpec::Mode;

model::MtlsMode convert(Mode mode, model::MtlsMode inherited) {
  switch (mode) {
    case Mode::unset: return inherited;
    case Mode::disable: return model::MtlsMode::disable;
    case Mode::permissive: return model::MtlsMode::permissive;
    case Mode::strict: return model::MtlsMode::strict;
  }
  return inherited;
}

// The policies of the security.istio.io dialect for one workload, one for each level at most.
struct Levels {
  const Policy* mesh = nullptr;
  const Policy* ns = nullptr;
  const Policy* workload = nullptr;

  [[nodiscard]] bool any() const { return mesh != nullptr || ns != nullptr || workload != nullptr; }
};

const Policy* oldest(store::View& view, std::vector<const Policy*> policies, const std::string& level) {
  if (policies.empty()) return nullptr;
  sortOldestFirst(policies);
  for (auto it = policies.begin() + 1; it != policies.end(); ++it) {
    warning(view, provenanceOf(**it), "spec",
            "it has no effect where " + provenanceOf(*policies.front()).toString() +
                " applies, which is older and speaks for the same " + level);
  }
  return policies.front();
}

std::vector<const Policy*> withoutSelector(store::View& view, const std::string& ns) {
  auto policies = view.list<Policy>(ns);
  std::erase_if(policies, [](const Policy* policy) {
    return !policy->spec.selector.empty() || Errors(*policy).inSelector(policy->spec.selector);
  });
  return policies;
}

Levels levelsFor(store::View& view, const PeerAuthenticationOf& query) {
  Levels levels;
  std::vector<const Policy*> selecting, unreadable;
  for (const auto* policy : view.list<Policy>(query.ns)) {
    if (Errors(*policy).inSelector(policy->spec.selector)) {
      unreadable.push_back(policy);
    } else if (!policy->spec.selector.empty() && api::selects(policy->spec.selector, query.labels)) {
      selecting.push_back(policy);
    }
  }
  // Nobody knows which workloads it was meant for: it speaks for those of its namespace that have no policy of their
  // own, and never for the mesh.
  if (selecting.empty()) selecting = unreadable;
  levels.workload = oldest(view, selecting, "workload");
  const auto& root = view.mesh().rootNamespace;
  if (query.ns != root) levels.ns = oldest(view, withoutSelector(view, query.ns), "namespace");
  levels.mesh = oldest(view, withoutSelector(view, root), "mesh");
  return levels;
}

void apply(store::View& view, const Policy& policy, model::PeerAuthentication& result) {
  result.provenance.push_back(provenanceOf(policy));
  // Ports without a selector mean nothing, so errors in them do not either.
  const bool portsCount = !policy.spec.selector.empty();
  const bool broken =
      portsCount ? !policy.valid() : Errors(policy).outside({"spec.portLevelMtls", "spec.port_level_mtls"});
  if (broken) {
    error(view, provenanceOf(policy), "spec",
          "the policy has errors: the workloads it applies to take mutual TLS only");
    result.mode = model::MtlsMode::strict;
    result.ports.clear();
    return;
  }
  result.mode = convert(policy.spec.mode, result.mode);
  result.ports.clear();
  if (!portsCount) {
    if (!policy.spec.ports.empty()) {
      warning(view, provenanceOf(policy), "spec.portLevelMtls",
              "it has no effect without spec.selector: ports differ between workloads");
    }
    return;
  }
  for (const auto& [port, mode] : policy.spec.ports) {
    const auto converted = convert(mode, result.mode);
    if (converted != result.mode) result.ports.emplace(port, converted);
  }
}

void applyAlphaPeers(const AlphaPolicies& policies, model::PeerAuthentication& result) {
  result.mode = policies.base.mode;
  if (policies.base.object != nullptr) result.provenance.push_back(provenanceOf(*policies.base.object));
  for (const auto& [port, effect] : policies.ports) {
    if (effect.mode != result.mode) result.ports.emplace(port, effect.mode);
    if (effect.object != nullptr) result.provenance.push_back(provenanceOf(*effect.object));
  }
}

}  // namespace

PeerAuthenticationOf::Value peerAuthenticationOf(store::View& view, const PeerAuthenticationOf& query) {
  PeerAuthenticationOf::Value result;
  const auto alpha = alphaPolicies(view, query.ns, query.labels);
  // It replaces the old peers (v1alpha1.md 3.3, "1.5 precedence").
  const auto levels = levelsFor(view, query);
  if (levels.any()) {
    for (const auto* policy : std::array{levels.mesh, levels.ns, levels.workload}) {
      if (policy != nullptr) apply(view, *policy, result);
    }
  } else {
    applyAlphaPeers(alpha, result);
  }
  std::sort(result.provenance.begin(), result.provenance.end());
  result.provenance.erase(std::unique(result.provenance.begin(), result.provenance.end()), result.provenance.end());
  return result;
}

}  // namespace fairway::normalize
