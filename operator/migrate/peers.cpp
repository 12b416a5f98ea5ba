#include <algorithm>

#include "api/core.h"
#include "migrate/convert.h"
#include "migrate/selectors.h"
#include "normalize/alpha_policy.h"
#include "normalize/objects.h"

namespace fairway::migrate {

namespace {

using model::MtlsMode;

std::string nameOf(MtlsMode mode) {
  switch (mode) {
    case MtlsMode::disable: return "DISABLE";
    case MtlsMode::permissive: return "PERMISSIVE";
    case MtlsMode::strict: return "STRICT";
  }
  return {};
}

Json modeJson(MtlsMode mode) { return Json{{"mode", nameOf(mode)}}; }

bool hasWholeNamespace(normalize::World& world, const std::string& ns) {
  const auto policies = world.list<api::PeerAuthentication>(ns);
  return std::any_of(policies.begin(), policies.end(),
                     [](const auto* policy) { return policy->spec.selector.empty(); });
}

// What applies to a namespace where no Service is named.
void addDefaults(const Context& context, Output& output) {
  auto& world = context.before;
  const auto& root = world.mesh().rootNamespace;
  const bool meshDecided = hasWholeNamespace(world, root);
  const auto* mesh = world.get<api::MeshPolicy>("", "default");
  if (context.wholeMesh && mesh != nullptr) {
    if (meshDecided) {
      output.remark(*mesh, "spec.peers", "it has no effect: a PeerAuthentication speaks for the whole mesh already");
    } else {
      // A namespace that nobody knows shows what the mesh's policy means.
      const auto mode = normalize::alphaPolicies(world, "", {}).base.mode;
      output.add("PeerAuthentication", root, "default", Json{{"mtls", modeJson(mode)}}, "MeshPolicy/default");
    }
  }
  for (const auto& ns : context.namespaces) {
    const auto* policy = world.get<api::Policy>(ns, "default");
    if (policy == nullptr || !policy->spec.targets.empty() || ns == root) continue;
    if (meshDecided || hasWholeNamespace(world, ns)) {
      output.remark(*policy, "spec.peers",
                    "they have no effect: a PeerAuthentication speaks for the namespace already");
      continue;
    }
    const auto mode = normalize::alphaPolicies(world, ns, {}).base.mode;
    output.add("PeerAuthentication", ns, "default", Json{{"mtls", modeJson(mode)}}, "Policy/" + ns + "/default");
  }
}

std::string wantedModes(const model::PeerAuthentication& peers) {
  std::string text = nameOf(peers.mode);
  for (const auto& [port, mode] : peers.ports) text += ";" + std::to_string(port) + "=" + nameOf(mode);
  return text;
}

bool sameModes(const model::PeerAuthentication& a, const model::PeerAuthentication& b, const WorkloadClass& workload) {
  return a.mode == b.mode && std::all_of(workload.ports.begin(), workload.ports.end(),
                                         [&](const auto& port) { return a.modeOf(port.port) == b.modeOf(port.port); });
}

// Targets that applied to nothing, or to what nobody can tell.
void remarkTargets(const Context& context, const api::Policy& policy, Output& output) {
  auto& world = context.before;
  for (std::size_t i = 0; i < policy.spec.targets.size(); ++i) {
    const auto& target = policy.spec.targets[i];
    const auto field = "spec.targets[" + std::to_string(i) + "]";
    const auto* service = world.get<api::Service>(policy.meta.ns, target.name);
    if (service == nullptr) {
      output.remark(policy, field, "there is no Service \"" + target.name + "\": it applied to nothing");
      continue;
    }
    for (const auto& port : service->spec.ports) {
      const bool named =
          !port.targetPort.empty() && port.targetPort.find_first_not_of("0123456789") != std::string::npos;
      const bool known = std::any_of(context.workloads.begin(), context.workloads.end(), [&](const auto& workload) {
        return workload.ns == policy.meta.ns && api::selects(service->spec.selector, workload.labels) &&
               !context.before.ask(normalize::InboundPortsOf{workload.ns, workload.labels}).empty();
      });
      if (named && !known) {
        output.inexact(policy, field,
                       "the Service's port " + std::to_string(port.number) + " leads to the container port \"" +
                           port.targetPort + "\", and no pod tells its number: migrate with the pods at hand");
      }
    }
  }
}

}  // namespace

void convertPeers(const std::vector<api::ObjectPtr>& objects, const Context& context, Output& output) {
  addDefaults(context, output);
  // What is still missing shows when the world is built without the old policies.
  normalize::World without(objectsAfter(objects, context, output), context.before.mesh());
  for (const auto& ns : context.namespaces) {
    for (const auto* policy : context.before.list<api::Policy>(ns)) remarkTargets(context, *policy, output);
    const auto wants = [&](const WorkloadClass& workload) {
      const normalize::PeerAuthenticationOf query{workload.ns, workload.labels};
      const auto& before = context.before.ask(query);
      return sameModes(before, without.ask(query), workload) ? std::string() : wantedModes(before);
    };
    for (const auto& group : groupsOf(context, ns, false, true, wants, [](const auto&) { return true; })) {
      const auto& workload = *group.workloads.front();
      const auto& peers = context.before.ask(normalize::PeerAuthenticationOf{workload.ns, workload.labels});
      Json spec;
      spec["selector"] = selectorJson(group.selector);
      spec["mtls"] = modeJson(peers.mode);
      for (const auto& [port, mode] : peers.ports) spec["portLevelMtls"][std::to_string(port)] = modeJson(mode);
      std::string from;
      for (const auto& provenance : peers.provenance) from += (from.empty() ? "" : ", ") + provenance.toString();
      output.add("PeerAuthentication", ns, group.name, std::move(spec), from);
    }
  }
}

}  // namespace fairway::migrate
