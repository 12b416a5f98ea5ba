#include <algorithm>
#include <map>
#include <set>

#include "migrate/convert.h"
#include "migrate/selectors.h"
#include "normalize/objects.h"
#include "normalize/rbac_v1alpha1.h"

namespace fairway::migrate {

namespace {

using normalize::RbacSwitch;

// The ports of a workload that RBAC covers, of those that services name.
std::set<std::string> portsWhere(const RbacSwitch::Value& config, const WorkloadClass& workload, bool covered) {
  std::set<std::string> result;
  for (const auto& port : workload.ports) {
    const bool any = std::any_of(port.services.begin(), port.services.end(),
                                 [&](const auto& backed) { return config.covers(backed.host, workload.ns); });
    if (any == covered) result.insert(std::to_string(port.port));
  }
  return result;
}

class ModeConverter {
 public:
  ModeConverter(const Context& context, const RbacSwitch::Value& config, std::string comment, Output& output)
      : context_(context), config_(config), comment_(std::move(comment)), output_(output) {}

  void run() {
    const auto& root = context_.before.mesh().rootNamespace;
    const bool byExclusion =
        config_.mode == RbacSwitch::Mode::on || config_.mode == RbacSwitch::Mode::on_with_exclusion;
    const bool meshWide = context_.wholeMesh && byExclusion && config_.covers("", root) && !anyDecided();
    if (meshWide) add(root, "deny-by-default", {}, Json());
    for (const auto& ns : context_.namespaces) {
      if (config_.covers("", ns)) {
        if (!meshWide) denyNamespace(ns);
        exempt(ns);
      } else if (meshWide) {
        add(ns, "allow-all", {}, Json::array({Json::object()}));
      } else {
        denyServices(ns);
      }
    }
  }

 private:
  void add(const std::string& ns, const std::string& name, const model::Labels& selector, const Json& rules) {
    Json spec = Json::object();
    if (!selector.empty()) spec["selector"] = selectorJson(selector);
    // ALLOW without rules: what no other policy allows is denied.
    if (!rules.is_null()) spec["rules"] = rules;
    output_.add("AuthorizationPolicy", ns, name, std::move(spec), comment_, !config_.enforced);
  }

  bool anyDecided() const {
    return std::any_of(context_.workloads.begin(), context_.workloads.end(),
                       [&](const auto& workload) { return decidedByNewPolicies(context_, workload); });
  }

  // The whole namespace by one policy, or by its services where that would reach workloads of which new policies decide
  // already (in the root namespace: workloads of other namespaces).
  void denyNamespace(const std::string& ns) {
    const bool root = ns == context_.before.mesh().rootNamespace;
    const auto wants = [&](const WorkloadClass& workload) {
      return decidedByNewPolicies(context_, workload) ? std::string() : std::string("deny");
    };
    for (const auto& group : groupsOf(context_, ns, !root, false, wants, [](const auto&) { return true; })) {
      add(ns, group.name.empty() ? "deny-by-default" : "deny-by-default-" + group.name, group.selector, Json());
    }
  }

  // Services that are left out while their namespace is covered.
  void exempt(const std::string& ns) {
    const auto wants = [&](const WorkloadClass& workload) {
      std::string text;
      if (decidedByNewPolicies(context_, workload)) return text;
      for (const auto& port : portsWhere(config_, workload, false)) text += port + ",";
      return text;
    };
    for (const auto& group : groupsOf(context_, ns, false, false, wants, [](const auto&) { return true; })) {
      Json operation;
      operation["ports"] = portsWhere(config_, *group.workloads.front(), false);
      const Json rule{{"to", Json::array({Json{{"operation", operation}}})}};
      add(ns, "allow-all-" + group.name, group.selector, Json::array({rule}));
    }
  }

  // Services that are included while their namespace is not covered: all other ports stay open.
  void denyServices(const std::string& ns) {
    const auto wants = [&](const WorkloadClass& workload) {
      std::string text;
      if (decidedByNewPolicies(context_, workload)) return text;
      for (const auto& port : portsWhere(config_, workload, true)) text += port + ",";
      return text;
    };
    for (const auto& group : groupsOf(context_, ns, false, false, wants, [](const auto&) { return true; })) {
      Json operation;
      operation["notPorts"] = portsWhere(config_, *group.workloads.front(), true);
      const Json rule{{"to", Json::array({Json{{"operation", operation}}})}};
      add(ns, "deny-by-default-" + group.name, group.selector, Json::array({rule}));
    }
  }

  const Context& context_;
  const RbacSwitch::Value& config_;
  const std::string comment_;
  Output& output_;
};

}  // namespace

void convertRbacMode(const Context& context, Output& output) {
  auto& world = context.before;
  const auto& config = world.ask(RbacSwitch{});
  const api::Object* object = world.get<api::ClusterRbacConfig>("", "default");
  for (const auto* each : world.listAll<api::RbacConfig>()) {
    if (object == nullptr && each->meta.name == "default") object = each;
  }
  if (object == nullptr) return;
  if (config.mode == RbacSwitch::Mode::off) {
    return output.remark(*object, "spec.mode", "it is OFF: nothing was checked, and no policy stands for it");
  }
  if (!config.enforced) {
    output.remark(*object, "spec.enforcementMode",
                  "it is PERMISSIVE: every policy below is a dry run (istio.io/dry-run), which only counts");
  }
  ModeConverter(context, config, normalize::provenanceOf(*object).toString(), output).run();
}

}  // namespace fairway::migrate
