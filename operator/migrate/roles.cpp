#include <algorithm>
#include <map>
#include <set>

#include "api/core.h"
#include "migrate/convert.h"
#include "migrate/selectors.h"
#include "normalize/alpha_policy.h"
#include "normalize/conditions.h"
#include "normalize/objects.h"
#include "normalize/rbac_v1alpha1.h"
#include "store/indexes.h"

namespace fairway::migrate {

namespace {

using Rule = api::ServiceRoleSpec::Rule;
using Constraint = api::ServiceRoleSpec::Constraint;

// What a role's rule is about: some workload ports of some workloads.
struct Port {
  bool http = false;
  bool useOrigin = false;  // principalBinding there is USE_ORIGIN
  auto operator<=>(const Port&) const = default;
};
using Ports = std::map<std::uint32_t, Port>;

struct Scope {
  std::set<std::string> services;
  Ports ports;
};
using Scopes = std::map<model::Labels, Scope>;  // by selector

bool anyMatches(const std::vector<std::string>& patterns, const std::string& text) {
  return std::any_of(patterns.begin(), patterns.end(),
                     [&](const auto& pattern) { return normalize::matchesPattern(pattern, text); });
}

// A constraint that is settled when the rule is generated: nothing if it is of another kind.
std::optional<bool> settled(const Constraint& constraint, const model::Service& service,
                            const WorkloadClass& workload) {
  if (constraint.key == "destination.name") return anyMatches(constraint.values, service.name);
  if (constraint.key == "destination.namespace") return anyMatches(constraint.values, service.ns);
  if (constraint.key == "destination.user") return anyMatches(constraint.values, workload.serviceAccount);
  const auto label = normalize::bracketed(constraint.key, "destination.labels");
  if (!label) return std::nullopt;
  const auto found = workload.labels.find(label->front());
  return label->size() == 1 && found != workload.labels.end() && anyMatches(constraint.values, found->second);
}

bool isAbout(const Rule& rule, const model::Service& service, const WorkloadClass& workload) {
  if (!rule.services.empty() && !anyMatches(rule.services, service.host)) return false;
  return std::all_of(rule.constraints.begin(), rule.constraints.end(),
                     [&](const auto& each) { return settled(each, service, workload).value_or(true); });
}

// The labels besides the Service's selector that tell the workloads that a rule is about from the others.
model::Labels narrowed(const Rule& rule, const model::Service& service, const WorkloadClass& workload) {
  auto selector = service.selector;
  for (const auto& constraint : rule.constraints) {
    if (constraint.key == "destination.user") return ownLabels(workload);
    const auto label = normalize::bracketed(constraint.key, "destination.labels");
    if (label && label->size() == 1) selector[label->front()] = workload.labels.at(label->front());
  }
  return selector;
}

// Everything of one namespace that roles can be about.
class Services {
 public:
  Services(const Context& context, std::string ns) : context_(context), ns_(std::move(ns)) {
    auto& world = context.before;
    const auto& config = world.ask(normalize::RbacSwitch{});
    for (const auto* workload : context.workloadsOf(ns_)) {
      if (!decidedByNewPolicies(context, *workload)) workloads_.push_back(workload);
    }
    for (const auto* object : world.list<api::Service>(ns_)) {
      const auto host = store::resolveHost(object->meta.name, ns_, world.mesh());
      const auto& service = world.ask(normalize::ServiceOf{host});
      if (service && !service->selector.empty() && config.covers(host, ns_)) services_.push_back(*service);
    }
  }

  Scopes scopesOf(const api::ServiceRole& role, std::size_t index, Output& output) const {
    const auto& rule = role.spec.rules[index];
    Scopes scopes;
    for (const auto& service : services_) {
      std::vector<const WorkloadClass*> in, out;
      for (const auto* workload : workloads_) {
        if (!api::selects(service.selector, workload->labels)) continue;
        (isAbout(rule, service, *workload) ? in : out).push_back(workload);
      }
      for (const auto* workload : in) {
        const auto selector = out.empty() ? service.selector : narrowed(rule, service, *workload);
        const bool clean = std::none_of(out.begin(), out.end(),
                                        [&](const auto* other) { return api::selects(selector, other->labels); });
        if (!clean) {
          output.inexact(
              role, "spec.rules[" + std::to_string(index) + "].constraints",
              "no labels tell " + service.name +
                  "'s workloads that it is about from the others (a policy selects by labels, not by service "
                  "account): it is left out for " +
                  workload->example);
          continue;
        }
        auto& scope = scopes[selector];
        scope.services.insert(service.name);
        addPorts(service, *workload, scope.ports);
      }
    }
    return scopes;
  }

 private:
  void addPorts(const model::Service& service, const WorkloadClass& workload, Ports& ports) const {
    const auto policies = normalize::alphaPolicies(context_.before, workload.ns, workload.labels);
    for (const auto& port : workload.ports) {
      const bool named = std::any_of(port.services.begin(), port.services.end(),
                                     [&](const auto& backed) { return backed.host == service.host; });
      if (named) ports[port.port] = {model::isHttp(port.protocol), policies.at(port.port).useOrigin};
    }
  }

  const Context& context_;
  const std::string ns_;
  std::vector<const WorkloadClass*> workloads_;
  std::vector<model::Service> services_;  // that RBAC covers
};

// What is done, of one rule of a role.
struct What {
  Json operation = Json::object();  // without ports
  Json when = Json::array();
  bool httpOnly = false;
};

class RuleReader {
 public:
  RuleReader(const api::ServiceRole& role, std::size_t index, Output& output)
      : role_(role),
        rule_(role.spec.rules[index]),
        field_("spec.rules[" + std::to_string(index) + "]"),
        output_(output) {}

  // Nothing if it allows nothing, or cannot be said.
  std::optional<What> read() {
    for (const auto& [name, values] : std::initializer_list<std::pair<const char*, const std::vector<std::string>&>>{
             {"hosts", rule_.hosts},
             {"notHosts", rule_.notHosts},
             {"methods", rule_.methods},
             {"notMethods", rule_.notMethods},
             {"paths", rule_.paths},
             {"notPaths", rule_.notPaths}}) {
      if (values.empty()) continue;
      what_.operation[name] = values;
      what_.httpOnly = true;
    }
    for (const auto* paths : {&rule_.paths, &rule_.notPaths}) {
      for (const auto& path : *paths) {
        if (path.find("{*}") == std::string::npos && path.find("{**}") == std::string::npos) continue;
        output_.inexact(role_, field_ + ".paths",
                        "\"" + path +
                            "\" meant these very characters and reads as a path template in an "
                            "AuthorizationPolicy: the rule is left out");
        unusable_ = true;
      }
    }
    for (std::size_t i = 0; i < rule_.constraints.size(); ++i) constraint(rule_.constraints[i], i);
    if (unusable_) return std::nullopt;
    return std::move(what_);
  }

  // Whether the rule speaks of this workload port.
  [[nodiscard]] bool takes(std::uint32_t port) const {
    const auto in = [&](const std::vector<std::uint32_t>& list) {
      return std::find(list.begin(), list.end(), port) != list.end();
    };
    if ((!rule_.ports.empty() && !in(rule_.ports)) || in(rule_.notPorts)) return false;
    return std::all_of(rule_.constraints.begin(), rule_.constraints.end(), [&](const Constraint& constraint) {
      return constraint.key != "destination.port" ||
             std::any_of(constraint.values.begin(), constraint.values.end(),
                         [&](const auto& value) { return normalize::parsePort(value) == port; });
    });
  }

 private:
  void constraint(const Constraint& constraint, std::size_t index) {
    const auto& key = constraint.key;
    const auto field = field_ + ".constraints[" + std::to_string(index) + "]";
    const bool known = key == "destination.name" || key == "destination.namespace" || key == "destination.user" ||
                       key == "destination.port" || normalize::bracketed(key, "destination.labels");
    if (known) return;
    auto values = constraint.values;
    if (key == "destination.ip") std::erase_if(values, [](const auto& text) { return !normalize::parseCidr(text); });
    const auto header = normalize::bracketed(key, "request.headers");
    const auto names = normalize::bracketed(key, key.substr(0, key.find('[')));
    const bool metadata = key.starts_with("experimental.envoy.filters.") && names && names->size() == 1;
    const bool same = key == "destination.ip" || key == "connection.sni" || (header && header->size() == 1) || metadata;
    if (!same || values.empty()) {
      unusable_ = true;
      output_.remark(role_, field, "it cannot be evaluated: the rule allowed nothing, and is left out");
      return;
    }
    what_.httpOnly |= header.has_value();
    what_.when.push_back(Json{{"key", key}, {"values", values}});
  }

  const api::ServiceRole& role_;
  const Rule& rule_;
  const std::string field_;
  Output& output_;
  What what_;
  bool unusable_ = false;
};

Json numbers(const Ports& ports) {
  Json result = Json::array();
  for (const auto& [port, kind] : ports) result.push_back(std::to_string(port));
  return result;
}

// Rules for the subjects of some bindings, on ports of one kind: those without conditions of their own share one.
void addRules(const What& what, const Ports& ports, const std::vector<Who>& subjects, Json& rules) {
  const auto base = [&](const Ports& where) {
    auto operation = what.operation;
    operation["ports"] = numbers(where);
    Json rule;
    rule["to"] = Json::array({Json{{"operation", operation}}});
    if (!what.when.empty()) rule["when"] = what.when;
    return rule;
  };
  Json shared = Json::array();
  for (const auto& who : subjects) {
    auto where = ports;
    if (what.httpOnly || who.httpOnly) {
      std::erase_if(where, [](const auto& port) { return !port.second.http; });
    }
    if (where.empty()) continue;
    const bool plain = who.when.empty() && !who.source.empty() && (where.size() == ports.size());
    if (plain) {
      shared.push_back(Json{{"source", who.source}});
      continue;
    }
    auto rule = base(where);
    if (!who.source.empty()) rule["from"] = Json::array({Json{{"source", who.source}}});
    for (const auto& condition : who.when) rule["when"].push_back(condition);
    rules.push_back(std::move(rule));
  }
  if (shared.empty()) return;
  Json rule;
  rule["from"] = std::move(shared);
  const auto rest = base(ports);
  for (const auto& [key, value] : rest.items()) rule[key] = value;
  rules.push_back(std::move(rule));
}

class RoleConverter {
 public:
  RoleConverter(const Context& context, const std::string& ns, bool enforced, Output& output)
      : context_(context), services_(context, ns), ns_(ns), enforced_(enforced), output_(output) {}

  void convert(const api::ServiceRole& role) {
    std::vector<const api::ServiceRoleBinding*> bindings;
    for (const auto* binding : context_.before.list<api::ServiceRoleBinding>(ns_)) {
      if (binding->spec.roleName == role.meta.name) bindings.push_back(binding);
    }
    if (bindings.empty()) return output_.remark(role, "", "no binding names it: it allowed nothing, and is left out");
    const normalize::Errors errors(role);
    if (errors.outside({"spec.rules"})) {
      return output_.remark(role, "spec", "it cannot be read: it allowed nothing, and is left out");
    }
    for (const bool shadow : {false, true}) {
      std::vector<const api::ServiceRoleBinding*> some;
      for (const auto* binding : bindings) {
        if ((!enforced_ || binding->spec.permissive) == shadow) some.push_back(binding);
      }
      if (!some.empty()) convert(role, errors, some, shadow);
    }
  }

 private:
  void convert(const api::ServiceRole& role, const normalize::Errors& errors,
               const std::vector<const api::ServiceRoleBinding*>& bindings, bool shadow) {
    std::map<model::Labels, Json> rules;
    std::map<model::Labels, std::set<std::string>> names;
    for (std::size_t i = 0; i < role.spec.rules.size(); ++i) {
      if (errors.atItem("spec.rules", i)) {
        output_.remark(role, "spec.rules[" + std::to_string(i) + "]",
                       "it cannot be read: it allowed nothing, and is left out");
        continue;
      }
      RuleReader reader(role, i, output_);
      const auto what = reader.read();
      if (!what) continue;
      auto scopes = services_.scopesOf(role, i, output_);
      if (scopes.empty()) {
        output_.remark(role, "spec.rules[" + std::to_string(i) + "].services",
                       "it is about no Service of the namespace that RBAC covers: it is left out");
      }
      for (auto& [selector, scope] : scopes) {
        std::erase_if(scope.ports, [&](const auto& port) {
          return !reader.takes(port.first) || (what->httpOnly && !port.second.http);
        });
        if (scope.ports.empty()) continue;
        auto& list = rules.try_emplace(selector, Json::array()).first->second;
        names[selector].insert(scope.services.begin(), scope.services.end());
        for (const bool useOrigin : {false, true}) {
          auto ports = scope.ports;
          std::erase_if(ports, [&](const auto& port) { return port.second.useOrigin != useOrigin; });
          if (!ports.empty()) addRules(*what, ports, subjectsOf(bindings, useOrigin), list);
        }
      }
    }
    for (auto& [selector, list] : rules) {
      if (list.empty()) continue;
      Json spec;
      spec["selector"] = selectorJson(selector);
      spec["action"] = "ALLOW";
      spec["rules"] = std::move(list);
      const bool only = rules.size() == 1;
      const auto name = role.meta.name + (only ? "" : "-" + *names[selector].begin()) + (shadow ? "-dry-run" : "");
      std::string comment = "ServiceRole/" + ns_ + "/" + role.meta.name;
      for (const auto* binding : bindings) comment += ", ServiceRoleBinding/" + ns_ + "/" + binding->meta.name;
      output_.add("AuthorizationPolicy", ns_, name, std::move(spec), comment, shadow);
    }
  }

  std::vector<Who> subjectsOf(const std::vector<const api::ServiceRoleBinding*>& bindings, bool useOrigin) {
    std::vector<Who> result;
    for (const auto* binding : bindings) {
      for (std::size_t i = 0; i < binding->spec.subjects.size(); ++i) {
        if (auto who = convertSubject(*binding, i, useOrigin, output_)) result.push_back(std::move(*who));
      }
    }
    return result;
  }

  const Context& context_;
  const Services services_;
  const std::string ns_;
  const bool enforced_;
  Output& output_;
};

}  // namespace

void convertRoles(const Context& context, Output& output) {
  const auto& config = context.before.ask(normalize::RbacSwitch{});
  for (const auto& ns : context.namespaces) {
    const auto roles = context.before.list<api::ServiceRole>(ns);
    if (config.mode == normalize::RbacSwitch::Mode::off) {
      for (const auto* role : roles) {
        output.remark(*role, "", "no RbacConfig switches it on: it had no effect, and is left out");
      }
      continue;
    }
    RoleConverter converter(context, ns, config.enforced, output);
    for (const auto* role : roles) converter.convert(*role);
    for (const auto* binding : context.before.list<api::ServiceRoleBinding>(ns)) {
      if (context.before.get<api::ServiceRole>(ns, binding->spec.roleName) != nullptr) continue;
      output.remark(*binding, "spec.roleRef", "there is no such ServiceRole: it allowed nothing, and is left out");
    }
  }
}

}  // namespace fairway::migrate
