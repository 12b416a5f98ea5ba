#include "normalize/alpha_policy.h"

#include <algorithm>
#include <vector>

#include "api/core.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

using Spec = api::AuthenticationPolicySpec;
using Level = AlphaEffect::Level;

bool matchesPort(const Spec::Target& target, const model::ServicePort& port, bool invalid) {
  if (target.ports.empty()) return true;
  return std::any_of(target.ports.begin(), target.ports.end(), [&](const Spec::Target::Port& wanted) {
    if (wanted.number != 0) return wanted.number == port.number;
    if (!wanted.name.empty()) return wanted.name == port.name;
    return invalid;  // a selector that could not be read may have meant any port
  });
}

bool targets(const api::Policy& policy, const model::Service& service, const model::ServicePort& port) {
  return std::any_of(policy.spec.targets.begin(), policy.spec.targets.end(), [&](const Spec::Target& target) {
    return target.name == service.name && matchesPort(target, port, !policy.valid());
  });
}

// v1alpha1.md 1.2. What cannot be read is refused: STRICT, and no HTTP request where tokens are asked for.
AlphaEffect effectOf(store::View& view, const api::Object& object, const Spec& spec, Level level) {
  AlphaEffect effect;
  effect.level = level;
  effect.object = &object;
  effect.spec = &spec;
  effect.useOrigin = spec.useOrigin;
  const Errors errors(object);
  const auto strict = [&](const std::string& field, const std::string& message) {
    effect.mode = model::MtlsMode::strict;
    error(view, provenanceOf(object), field, message + ": its target takes mutual TLS only");
  };
  const auto mtls =
      std::find_if(spec.peers.begin(), spec.peers.end(), [](const auto& peer) { return peer.mtls.has_value(); });
  if (errors.any()) {
    strict("spec", "the policy has errors");
  } else if (std::any_of(spec.peers.begin(), spec.peers.end(), [](const auto& peer) { return peer.jwt; })) {
    strict("spec.peers", "peers with jwt were never available, expected mtls, or the token under origins");
  } else if (mtls != spec.peers.end()) {
    effect.mode = mtls->mtls->permissive ? model::MtlsMode::permissive : model::MtlsMode::strict;
  } else if (!spec.peers.empty()) {
    strict("spec.peers", "a peer has no method, expected mtls");
  } else {
    effect.mode = model::MtlsMode::disable;
  }

  effect.refuseHttp = errors.at("spec.origins");
  if (effect.refuseHttp) {
    error(view, provenanceOf(object), "spec.origins",
          "they have errors: every HTTP request to the policy's target is refused");
  }
  if (spec.peerIsOptional && effect.mode == model::MtlsMode::strict) {
    warning(view, provenanceOf(object), "spec.peerIsOptional",
            "it does not relax mtls STRICT, whose TLS handshake asks for a certificate; use mode PERMISSIVE");
  }
  return effect;
}

AlphaEffect baseEffect(store::View& view, const std::string& ns) {
  const auto* policy = view.get<api::Policy>(ns, "default");
  if (policy != nullptr && policy->spec.targets.empty()) return effectOf(view, *policy, policy->spec, Level::ns);
  const auto* mesh = view.get<api::MeshPolicy>("", "default");
  if (mesh != nullptr) return effectOf(view, *mesh, mesh->spec, Level::mesh);
  AlphaEffect effect;
  effect.mode = view.ask(MeshSettingsOf{}).defaultMtls;
  return effect;
}

// The annotation of a Service for one of its ports, where no policy applies.
AlphaEffect annotated(store::View& view, const AlphaEffect& base, const model::Service& service,
                      const model::ServicePort& port) {
  if (base.level != Level::none || service.kind != "Service") return base;
  const auto* object = view.get<api::Service>(service.ns, service.name);
  if (object == nullptr) return base;
  const auto name = std::string(kPortAnnotation) + std::to_string(port.number);
  const auto found = object->meta.annotations.find(name);
  if (found == object->meta.annotations.end()) return base;
  AlphaEffect effect;
  effect.level = Level::annotation;
  effect.object = object;
  if (found->second == "NONE") {
    effect.mode = model::MtlsMode::disable;
  } else {
    effect.mode = model::MtlsMode::strict;
    if (found->second != "MUTUAL_TLS") {
      error(view, provenanceOf(*object), "metadata.annotations[" + name + "]",
            "found \"" + found->second + "\", expected NONE or MUTUAL_TLS: the port takes mutual TLS only");
    }
  }
  return effect;
}

// Policies with targets, oldest first. Those that can apply to nothing are told so.
std::vector<const api::Policy*> servicePolicies(store::View& view, const std::string& ns) {
  std::vector<const api::Policy*> policies;
  for (const auto* policy : view.list<api::Policy>(ns)) {
    if (!policy->spec.targets.empty()) {
      policies.push_back(policy);
    } else if (policy->meta.name != "default") {
      error(view, provenanceOf(*policy), "spec.targets",
            "a policy without targets must be named \"default\": this one applies to nothing");
    }
  }
  sortOldestFirst(policies);
  return policies;
}

AlphaEffect effectOnServicePort(store::View& view, const std::vector<const api::Policy*>& policies,
                                const AlphaEffect& base, const model::Service& service,
                                const model::ServicePort& port) {
  const api::Policy* chosen = nullptr;
  for (const auto* policy : policies) {
    if (!targets(*policy, service, port)) continue;
    if (chosen == nullptr) {
      chosen = policy;
      continue;
    }
    warning(view, provenanceOf(*policy), "spec.targets",
            "it has no effect on port " + std::to_string(port.number) + " of " + service.name + ": " +
                provenanceOf(*chosen).toString() + " is older and targets it too");
  }
  return chosen == nullptr ? annotated(view, base, service, port)
                           : effectOf(view, *chosen, chosen->spec, Level::service);
}

// Several services on one workload port: the narrowest policy counts, of equally narrow ones the oldest.
void merge(store::View& view, std::map<std::uint32_t, AlphaEffect>& ports, std::uint32_t port, AlphaEffect effect) {
  const auto [entry, isNew] = ports.try_emplace(port, effect);
  if (isNew || entry->second.object == effect.object) return;
  auto* loser = &effect;
  auto* winner = &entry->second;
  const bool replaces = effect.level != winner->level
                            ? effect.level > winner->level
                            : effect.object != nullptr && olderThan(*effect.object, *winner->object);
  if (replaces) std::swap(winner, loser);
  if (loser->level == Level::service || loser->level == Level::annotation) {
    warning(view, provenanceOf(*loser->object),
            loser->level == Level::service ? "spec.targets" : "metadata.annotations",
            "it has no effect on workload port " + std::to_string(port) + ": " +
                provenanceOf(*winner->object).toString() + " applies to it through another service");
  }
  if (replaces) entry->second = effect;
}

}  // namespace

const AlphaEffect& AlphaPolicies::at(std::uint32_t port) const {
  const auto found = ports.find(port);
  return found == ports.end() ? base : found->second;
}

AlphaPolicies alphaPolicies(store::View& view, const std::string& ns, const model::Labels& labels) {
  AlphaPolicies result;
  result.base = baseEffect(view, ns);
  const auto policies = servicePolicies(view, ns);
  for (const auto& inbound : view.ask(InboundPortsOf{ns, labels})) {
    for (const auto& backed : inbound.services) {
      const auto& service = view.ask(ServiceOf{backed.host});
      const auto* port = service ? service->port(backed.servicePort) : nullptr;
      if (port == nullptr) continue;
      merge(view, result.ports, inbound.port, effectOnServicePort(view, policies, result.base, *service, *port));
    }
  }
  return result;
}

}  // namespace fairway::normalize
