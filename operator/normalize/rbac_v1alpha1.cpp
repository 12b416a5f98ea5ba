#include "normalize/rbac_v1alpha1.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "api/security.h"
#include "normalize/alpha_policy.h"
#include "normalize/conditions.h"
#include "normalize/gateways.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

using model::Condition;
using Op = Condition::Op;
using Rule = api::ServiceRoleSpec::Rule;
using Constraint = api::ServiceRoleSpec::Constraint;
using Subject = api::ServiceRoleBindingSpec::Subject;

std::string item(std::string_view list, std::size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

// What requests are sent to: one port of one class of workloads.
struct Target {
  const AuthorizationOf& query;
  bool http = false;
  std::vector<model::Service> services;  // those that name the port and that RBAC covers
};

// Conditions that must all hold. `unusable`: it can never hold, or asks for HTTP on a TCP port.
struct Items {
  std::vector<Condition> all;
  bool unusable = false;

  template <class Values, class Make>
  void anyOf(const Values& values, Make make) {
    if (!values.empty()) all.push_back(anyOfValues(values, make));
  }
  template <class Values, class Make>
  void noneOf(const Values& values, Make make) {
    if (!values.empty()) all.push_back(Condition::negate(anyOfValues(values, make)));
  }

 private:
  template <class Values, class Make>
  static Condition anyOfValues(const Values& values, Make make) {
    std::vector<Condition> conditions;
    for (const auto& value : values) conditions.push_back(make(value));
    return Condition::anyOf(std::move(conditions));
  }
};

Condition methodCondition(const std::string& pattern) {
  return Condition::textual(Op::method, patternMatcher(pattern));
}
Condition rolePathCondition(const std::string& pattern) { return pathCondition(pattern, false); }

// --- roles ---------------------------------------------------------------------------------------

class RoleReader {
 public:
  RoleReader(store::View& view, const api::ServiceRole& role, const Target& target)
      : view_(view), role_(role), target_(target), errors_(role) {}

  // One condition for each rule that speaks of the target.
  std::vector<Condition> permissions() {
    std::vector<Condition> result;
    if (errors_.outside({"spec.rules"})) {
      error(view_, provenanceOf(role_), "spec", "the role has errors: it allows nothing");
      return result;
    }
    for (std::size_t i = 0; i < role_.spec.rules.size(); ++i) {
      if (errors_.atItem("spec.rules", i)) {
        error(view_, provenanceOf(role_, item("rules", i)), "spec." + item("rules", i),
              "the rule has errors: it allows nothing");
        continue;
      }
      if (auto permission = read(role_.spec.rules[i], i)) result.push_back(std::move(*permission));
    }
    return result;
  }

 private:
  // Which services a rule is about is settled here: the host, and what is known of the workload.
  [[nodiscard]] bool isAbout(const Rule& rule, const model::Service& service) const {
    const auto any = [](const std::vector<std::string>& patterns, const std::string& text) {
      return std::any_of(patterns.begin(), patterns.end(), [&](const auto& p) { return matchesPattern(p, text); });
    };
    // Since 1.2 a rule without services is about all of the namespace.
    if (!rule.services.empty() && !any(rule.services, service.host)) return false;
    for (const auto& constraint : rule.constraints) {
      const auto& query = target_.query;
      if (constraint.key == "destination.name" && !any(constraint.values, service.name)) return false;
      if (constraint.key == "destination.namespace" && !any(constraint.values, service.ns)) return false;
      if (constraint.key == "destination.user" && !any(constraint.values, query.serviceAccount)) return false;
      if (const auto label = bracketed(constraint.key, "destination.labels")) {
        const auto found = query.labels.find(label->front());
        if (label->size() != 1 || found == query.labels.end() || !any(constraint.values, found->second)) return false;
      }
    }
    return true;
  }

  std::optional<Condition> read(const Rule& rule, std::size_t index) {
    const bool concerned = std::any_of(target_.services.begin(), target_.services.end(),
                                       [&](const auto& service) { return isAbout(rule, service); });
    if (!concerned) return std::nullopt;
    // v1alpha1.md 2.5, "HTTP-only items on a TCP port": such a rule is left out, its siblings stay.
    const bool httpOnly = !rule.methods.empty() || !rule.notMethods.empty() || !rule.paths.empty() ||
                          !rule.notPaths.empty() || !rule.hosts.empty() || !rule.notHosts.empty();
    if (httpOnly && !target_.http) return std::nullopt;
    Items items;
    items.anyOf(rule.hosts, hostCondition);
    items.noneOf(rule.notHosts, hostCondition);
    items.anyOf(rule.methods, methodCondition);
    items.noneOf(rule.notMethods, methodCondition);
    items.anyOf(rule.paths, rolePathCondition);
    items.noneOf(rule.notPaths, rolePathCondition);
    items.anyOf(rule.ports, portCondition);
    items.noneOf(rule.notPorts, portCondition);
    for (std::size_t i = 0; i < rule.constraints.size(); ++i) {
      addConstraint(rule.constraints[i], item("rules", index), item("constraints", i), items);
    }
    if (items.unusable) return std::nullopt;
    return Condition::allOf(std::move(items.all));
  }

  // v1alpha1.md 2.4, the keys marked C.
  void addConstraint(const Constraint& constraint, const std::string& rule, const std::string& name, Items& items) {
    const auto& key = constraint.key;
    const auto field = "spec." + rule + "." + name;
    const auto refuse = [&](const std::string& part, const std::string& message) {
      items.unusable = true;
      error(view_, provenanceOf(role_, rule), field + part, message + ": the rule allows nothing");
    };
    if (key == "destination.name" || key == "destination.namespace" || key == "destination.user") return;
    if (const auto label = bracketed(key, "destination.labels"); label && label->size() == 1) return;
    if (constraint.values.empty()) return refuse(".values", "there are no values, expected at least one");
    if (key == "destination.ip") {
      const auto make = [](const std::string& cidr) { return addressCondition(Op::destination_ip, cidr); };
      return addParsed(constraint, field, refuse, items, parseCidr, make, "an IP address or CIDR range");
    }
    if (key == "destination.port") {
      return addParsed(constraint, field, refuse, items, parsePort, portCondition, "a port number");
    }
    if (key == "connection.sni") {
      return items.anyOf(constraint.values,
                         [](const std::string& value) { return Condition::textual(Op::sni, patternMatcher(value)); });
    }
    if (const auto header = bracketed(key, "request.headers"); header && header->size() == 1) {
      if (!target_.http) {
        items.unusable = true;
        return;
      }
      return items.anyOf(constraint.values,
                         [&](const std::string& value) { return headerCondition(header->front(), value); });
    }
    if (key.starts_with("experimental.envoy.filters.")) {
      const auto filter = key.substr(0, key.find('['));
      const auto names = bracketed(key, filter);
      if (names && names->size() == 1) {
        return items.anyOf(constraint.values, [&](const std::string& value) {
          return metadataCondition(std::string_view(filter).substr(std::string_view("experimental.").size()),
                                   names->front(), value);
        });
      }
    }
    refuse(".key", "\"" + key +
                       "\" is no known constraint, expected destination.ip, .port, .labels[name], .name, .namespace, "
                       ".user, request.headers[name], connection.sni or experimental.envoy.filters.*[key]");
  }

  // Values that cannot be parsed are left out; if none is left the constraint never holds.
  template <class Refuse, class Parse, class Make>
  void addParsed(const Constraint& constraint, const std::string& field, Refuse refuse, Items& items, Parse parse,
                 Make make, const std::string& expected) {
    std::vector<Condition> conditions;
    for (std::size_t i = 0; i < constraint.values.size(); ++i) {
      if (const auto parsed = parse(constraint.values[i])) {
        conditions.push_back(make(*parsed));
      } else {
        error(view_, provenanceOf(role_), field + "." + item("values", i),
              "found \"" + constraint.values[i] + "\", expected " + expected + ": the value is left out");
      }
    }
    if (conditions.empty()) return refuse(".values", "no value is " + expected);
    items.all.push_back(Condition::anyOf(std::move(conditions)));
  }

  store::View& view_;
  const api::ServiceRole& role_;
  const Target& target_;
  Errors errors_;
};

// --- bindings ------------------------------------------------------------------------------------

class BindingReader {
 public:
  BindingReader(store::View& view, const api::ServiceRoleBinding& binding, const Target& target)
      : view_(view), binding_(binding), target_(target), errors_(binding) {}

  // One condition for each subject.
  std::vector<Condition> principals() {
    std::vector<Condition> result;
    if (errors_.outside({"spec.subjects"}) || binding_.spec.roleKind != "ServiceRole") {
      error(view_, provenanceOf(binding_), "spec",
            "the binding has errors, or roleRef.kind is not ServiceRole: it allows nothing");
      return result;
    }
    for (std::size_t i = 0; i < binding_.spec.subjects.size(); ++i) {
      if (errors_.atItem("spec.subjects", i)) {
        complain(item("subjects", i), "", "the subject has errors");
        continue;
      }
      if (auto principal = read(binding_.spec.subjects[i], item("subjects", i)))
        result.push_back(std::move(*principal));
    }
    return result;
  }

 private:
  void complain(const std::string& subject, const std::string& field, const std::string& message) {
    error(view_, provenanceOf(binding_, subject), "spec." + subject + field, message + ": the subject is nobody");
  }

  Condition principal(const std::string& pattern, bool expand) const {
    return principalCondition(pattern, view_.mesh(), expand, view_.ask(MeshSettingsOf{}).trustDomainAliases);
  }

  // "allUsers" and "allAuthenticatedUsers" are names of their own (v1alpha1.md 2.3).
  Condition named(const std::string& name) const {
    if (name == "allUsers") return Condition::anything();
    if (name == "allAuthenticatedUsers") return principal("*", false);
    return principal(name, false);
  }

  std::optional<Condition> read(const Subject& subject, const std::string& name) {
    Items items;
    const auto groups = [](const std::string& group) { return claimCondition({"groups"}, group); };
    if (!subject.user.empty()) {
      // Anyone at all, also without identity.
      items.all.push_back(subject.user == "*" ? Condition::anything() : principal(subject.user, true));
    }
    const auto notStar = [&](const std::vector<std::string>& list, const std::string& field) {
      if (std::find(list.begin(), list.end(), "*") == list.end()) return true;
      complain(name, field, "\"*\" is not a name here, expected allUsers or allAuthenticatedUsers");
      items.unusable = true;
      return false;
    };
    if (notStar(subject.names, ".names")) items.anyOf(subject.names, [&](const auto& n) { return named(n); });
    if (notStar(subject.notNames, ".notNames"))
      addNegative(
          subject.notNames, [&](const auto& n) { return named(n); }, items);
    items.anyOf(subject.namespaces, namespaceCondition);
    addNegative(subject.notNamespaces, namespaceCondition, items);
    addAddresses(subject.ips, false, name, ".ips", items);
    addAddresses(subject.notIps, true, name, ".notIps", items);
    // End-user attributes exist in HTTP only: on a TCP port such a subject is left out.
    if (!subject.group.empty() || !subject.groups.empty() || !subject.notGroups.empty())
      items.unusable |= !target_.http;
    if (!subject.group.empty()) items.all.push_back(groups(subject.group));
    items.anyOf(subject.groups, groups);
    if (!subject.notGroups.empty()) {
      items.all.push_back(hasRequestPrincipal());
      items.noneOf(subject.notGroups, groups);
    }
    for (const auto& [key, value] : subject.properties) addProperty(key, value, name, items);
    if (items.unusable || items.all.empty()) return std::nullopt;
    return Condition::allOf(std::move(items.all));
  }

  // "Not this identity" is said of identities: who has none is not meant (ISTIO-SECURITY-2021-004).
  template <class Make>
  void addNegative(const std::vector<std::string>& values, Make make, Items& items) {
    if (values.empty()) return;
    items.all.push_back(principal("*", false));
    items.noneOf(values, make);
  }

  void addAddresses(const std::vector<std::string>& values, bool negative, const std::string& subject,
                    const std::string& field, Items& items) {
    std::vector<Condition> conditions;
    for (const auto& value : values) {
      if (const auto cidr = parseCidr(value)) {
        conditions.push_back(addressCondition(Op::direct_remote_ip, *cidr));
        continue;
      }
      // An address that cannot be told would be let in by its absence from notIps.
      complain(subject, field, "found \"" + value + "\", expected an IP address or CIDR range");
      items.unusable = true;
    }
    if (conditions.empty()) return;
    auto any = Condition::anyOf(std::move(conditions));
    items.all.push_back(negative ? Condition::negate(std::move(any)) : std::move(any));
  }

  // v1alpha1.md 2.4, the keys marked P.
  void addProperty(const std::string& key, const std::string& value, const std::string& subject, Items& items) {
    const auto field = ".properties[" + key + "]";
    if (key == "source.ip") return addAddresses({value}, false, subject, field, items);
    if (key == "source.namespace") return items.all.push_back(namespaceCondition(value));
    if (key == "source.principal") return items.all.push_back(principal(value, true));

    const auto claims = bracketed(key, "request.auth.claims");
    const auto header = bracketed(key, "request.headers");
    std::optional<Condition> condition;
    if (key == "source.user") {
      condition = principal(value, true);
    } else if (header && header->size() == 1) {
      condition = headerCondition(header->front(), value);
    } else if (key == "request.auth.principal") {
      condition = usesOrigin() ? requestPrincipalCondition(value) : principal(value, true);
    } else if (key == "request.auth.audiences") {
      condition = claimCondition({"aud"}, value);
    } else if (key == "request.auth.presenter") {
      condition = claimCondition({"azp"}, value);
    } else if (claims) {
      condition = claimCondition(*claims, value);
    } else {
      complain(subject, field,
               "\"" + key +
                   "\" is no known property, expected source.ip, .namespace, .principal, .user, request.headers[name], "
                   "request.auth.principal, .audiences, .presenter or .claims[name]");
      items.unusable = true;
      return;
    }
    if (target_.http) {
      items.all.push_back(std::move(*condition));
    } else {
      items.unusable = true;
    }
  }

  // request.auth.principal is the peer's identity unless the policy of the port binds it to the token's.
  bool usesOrigin() {
    return alphaPolicies(view_, target_.query.ns, target_.query.labels).at(target_.query.port).useOrigin;
  }

  store::View& view_;
  const api::ServiceRoleBinding& binding_;
  const Target& target_;
  Errors errors_;
};

// --- the filter ----------------------------------------------------------------------------------

void append(std::vector<Condition>& to, std::vector<Condition> from) {
  for (auto& condition : from) to.push_back(std::move(condition));
}

void addRole(store::View& view, const api::ServiceRole& role, const Target& target, bool enforced,
             model::AuthorizationFilter& filter) {
  auto permissions = RoleReader(view, role, target).permissions();
  if (permissions.empty()) return;
  std::vector<Condition> principals, shadowPrincipals;
  const auto key = role.meta.ns + "/" + role.meta.name;
  for (const auto* binding : view.lookup<api::ServiceRoleBinding>(store::Index::role_binding_by_role, key)) {
    const bool shadow = !enforced || binding->spec.permissive;
    append(shadow ? shadowPrincipals : principals, BindingReader(view, *binding, target).principals());
  }
  const auto add = [&](std::vector<model::AuthorizationRule>& rules, std::vector<Condition> who) {
    if (who.empty()) return;
    rules.push_back(
        {role.meta.name, Condition::anyOf(permissions), Condition::anyOf(std::move(who)), provenanceOf(role)});
  };
  add(filter.rules, std::move(principals));
  add(filter.shadowRules, std::move(shadowPrincipals));
}

// The services that name the port, and whether RBAC has a say at all.
bool readTarget(store::View& view, const RbacSwitch::Value& config, Target& target) {
  const auto& query = target.query;
  const auto& ports = view.ask(InboundPortsOf{query.ns, query.labels});
  const auto port = std::find_if(ports.begin(), ports.end(), [&](const auto& p) { return p.port == query.port; });
  target.http = speaksHttp(view, query.ns, query.labels, query.port);
  if (query.port == 0 || port == ports.end()) return config.covers("", query.ns);
  for (const auto& backed : port->services) {
    if (!config.covers(backed.host, query.ns)) continue;
    if (const auto& service = view.ask(ServiceOf{backed.host})) target.services.push_back(*service);
  }
  return !target.services.empty();
}

}  // namespace

std::vector<model::AuthorizationFilter> rbacFilters(store::View& view, const AuthorizationOf& query) {
  const auto& config = view.ask(RbacSwitch{});
  if (config.mode == RbacSwitch::Mode::off) return {};
  Target target{query, false, {}};
  if (!readTarget(view, config, target)) return {};
  view.ask(BindingCheck{query.ns});

  model::AuthorizationFilter filter;
  filter.action = model::AuthorizationFilter::Action::allow;
  filter.enforced = config.enforced;
  if (!target.services.empty()) {
    for (const auto* role : view.list<api::ServiceRole>(query.ns))
      addRole(view, *role, target, config.enforced, filter);
  }
  return {std::move(filter)};
}

}  // namespace fairway::normalize
