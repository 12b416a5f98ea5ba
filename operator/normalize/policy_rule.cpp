#include "normalize/policy_rule.h"

#include <functional>
#include <vector>

#include "normalize/conditions.h"
#include "normalize/objects.h"
#include "normalize/queries.h"

namespace fairway::normalize {

namespace {

using model::Condition;
using Op = Condition::Op;
using Spec = api::AuthorizationPolicySpec;
using Values = std::vector<std::string>;

// One attribute that can be compared with values: how a value becomes a condition (nothing: the value is wrong).
struct Attribute {
  std::function<std::optional<Condition>(const std::string&)> make;
  bool httpOnly = false;
  bool permission = false;           // about what is done, not who does it
  std::optional<Condition> present;  // an identity: a negative match in ALLOW needs it
  std::string expected;              // for messages about wrong values
};

Attribute text(std::function<Condition(const std::string&)> make) {
  Attribute attribute;
  attribute.make = std::move(make);
  return attribute;
}

Attribute identity(std::function<Condition(const std::string&)> make) {
  auto attribute = text(std::move(make));
  Condition any;
  any.op = Op::authenticated;
  attribute.present = std::move(any);
  return attribute;
}

Attribute token(std::function<Condition(const std::string&)> make) {
  auto attribute = text(std::move(make));
  attribute.httpOnly = true;
  attribute.present = hasRequestPrincipal();
  return attribute;
}

Attribute http(std::function<Condition(const std::string&)> make, bool permission) {
  auto attribute = text(std::move(make));
  attribute.httpOnly = true;
  attribute.permission = permission;
  return attribute;
}

Attribute address(Op op, bool httpOnly, bool permission) {
  Attribute attribute;
  attribute.make = [op](const std::string& value) -> std::optional<Condition> {
    const auto cidr = parseCidr(value);
    return cidr ? std::optional(addressCondition(op, *cidr)) : std::nullopt;
  };
  attribute.httpOnly = httpOnly;
  attribute.permission = permission;
  attribute.expected = "an IP address or CIDR range";
  return attribute;
}

Attribute port() {
  Attribute attribute;
  attribute.make = [](const std::string& value) -> std::optional<Condition> {
    const auto number = parsePort(value);
    return number ? std::optional(portCondition(*number)) : std::nullopt;
  };
  attribute.permission = true;
  attribute.expected = "a port number";
  return attribute;
}

// Conditions that must all hold, and whether they ever can.
struct Items {
  std::vector<Condition> all;
  bool never = false;
};

class RuleReader {
 public:
  explicit RuleReader(const PolicyRuleContext& context)
      : context_(context),
        deny_(context.policy.spec.action == Spec::Action::deny || context.policy.spec.action == Spec::Action::custom) {}

  std::optional<PolicyRule> read() {
    const auto& rule = context_.policy.spec.rules[context_.index];
    const auto from =
        alternatives(rule.from, "from", [&](const Spec::Source& s, const std::string& f) { return source(s, f); });
    const auto to =
        alternatives(rule.to, "to", [&](const Spec::Operation& o, const std::string& f) { return operation(o, f); });
    Items permissions, principals;
    for (std::size_t i = 0; i < rule.when.size(); ++i) {
      condition(rule.when[i], "when[" + std::to_string(i) + "]", permissions, principals);
    }
    if (!from || !to || permissions.never || principals.never) return std::nullopt;
    if (from->op != Op::any) principals.all.insert(principals.all.begin(), *from);
    if (to->op != Op::any) permissions.all.insert(permissions.all.begin(), *to);
    return PolicyRule{Condition::allOf(std::move(permissions.all)), Condition::allOf(std::move(principals.all))};
  }

 private:
  void complain(const std::string& field, const std::string& message) {
    const auto rule = "rules[" + std::to_string(context_.index) + "]";
    error(context_.view, provenanceOf(context_.policy, rule), "spec." + rule + "." + field,
          message + (deny_ ? ": it is taken to match" : ": it never matches"));
  }

  const store::MeshConfig& mesh() const { return context_.view.mesh(); }
  const std::vector<std::string>& aliases() const { return context_.view.ask(MeshSettingsOf{}).trustDomainAliases; }

  // The OR of a list of sources or operations; nothing if none of them can match. No list says nothing.
  template <class T, class Read>
  std::optional<Condition> alternatives(const std::vector<T>& list, const std::string& name, Read read) {
    if (list.empty()) return Condition::anything();
    std::vector<Condition> conditions;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto field = name + "[" + std::to_string(i) + "]";
      if (list[i] == T{}) {
        complain(field, "there is nothing in it, expected at least one field");
        if (deny_) return Condition::anything();
        continue;
      }
      Items items = read(list[i], field);
      if (items.never) continue;
      if (items.all.empty()) return Condition::anything();
      conditions.push_back(Condition::allOf(std::move(items.all)));
    }
    if (conditions.empty()) return std::nullopt;
    return Condition::anyOf(std::move(conditions));
  }

  // Adds "one of values" and "none of notValues".
  void add(const Attribute& attribute, const Values& values, const Values& notValues, const std::string& field,
           const std::string& notField, Items& items) {
    if (values.empty() && notValues.empty()) return;
    if (attribute.httpOnly && !context_.http) {
      // Without the attribute DENY denies more, and ALLOW must not allow more.
      items.never |= !deny_;
      return;
    }
    bool wrong = false;
    if (!values.empty()) {
      auto conditions = convert(attribute, values, field, wrong);
      // A wrong value leaves nothing to compare with: for DENY every request may have been meant.
      if (!wrong || !deny_) {
        items.never |= conditions.empty();
        items.all.push_back(Condition::anyOf(std::move(conditions)));
      }
    }
    if (notValues.empty()) return;
    wrong = false;
    auto conditions = convert(attribute, notValues, notField, wrong);
    if (wrong && !deny_) {
      items.never = true;
      return;
    }
    if (!deny_ && attribute.present) items.all.push_back(*attribute.present);
    if (!conditions.empty()) items.all.push_back(Condition::negate(Condition::anyOf(std::move(conditions))));
  }

  std::vector<Condition> convert(const Attribute& attribute, const Values& values, const std::string& field,
                                 bool& wrong) {
    std::vector<Condition> conditions;
    for (const auto& value : values) {
      if (auto made = attribute.make(value)) {
        conditions.push_back(std::move(*made));
      } else {
        wrong = true;
        complain(field, "found \"" + value + "\", expected " + attribute.expected);
      }
    }
    return conditions;
  }

  Attribute principals() const {
    return identity([this](const std::string& value) { return principalCondition(value, mesh(), true, aliases()); });
  }
  Attribute namespaces() const { return identity(namespaceCondition); }
  Attribute serviceAccounts() const {
    return identity(
        [this](const std::string& value) { return serviceAccountCondition(value, context_.policy.meta.ns); });
  }
  static Attribute requestPrincipals() { return token(requestPrincipalCondition); }

  Items source(const Spec::Source& from, const std::string& at) {
    Items items;
    const auto field = [&](const char* name) { return at + ".source." + name; };
    add(principals(), from.principals, from.notPrincipals, field("principals"), field("notPrincipals"), items);
    add(requestPrincipals(), from.requestPrincipals, from.notRequestPrincipals, field("requestPrincipals"),
        field("notRequestPrincipals"), items);
    add(namespaces(), from.namespaces, from.notNamespaces, field("namespaces"), field("notNamespaces"), items);
    add(serviceAccounts(), from.serviceAccounts, from.notServiceAccounts, field("serviceAccounts"),
        field("notServiceAccounts"), items);
    add(address(Op::direct_remote_ip, false, false), from.ipBlocks, from.notIpBlocks, field("ipBlocks"),
        field("notIpBlocks"), items);
    add(address(Op::remote_ip, false, false), from.remoteIpBlocks, from.notRemoteIpBlocks, field("remoteIpBlocks"),
        field("notRemoteIpBlocks"), items);
    return items;
  }

  Items operation(const Spec::Operation& to, const std::string& at) {
    Items items;
    const auto field = [&](const char* name) { return at + ".operation." + name; };
    add(http(hostCondition, true), to.hosts, to.notHosts, field("hosts"), field("notHosts"), items);
    add(port(), to.ports, to.notPorts, field("ports"), field("notPorts"), items);
    add(http([](const std::string& value) { return Condition::textual(Op::method, patternMatcher(value)); }, true),
        to.methods, to.notMethods, field("methods"), field("notMethods"), items);
    add(http([](const std::string& value) { return pathCondition(value, true); }, true), to.paths, to.notPaths,
        field("paths"), field("notPaths"), items);
    return items;
  }

  // The keys of Istio's reference "Authorization Policy Conditions".
  std::optional<Attribute> attributeOf(const std::string& key) const {
    if (key == "source.ip") return address(Op::direct_remote_ip, false, false);
    if (key == "remote.ip") return address(Op::remote_ip, false, false);
    if (key == "source.namespace") return namespaces();
    if (key == "source.principal") return principals();
    if (key == "source.serviceAccount") return serviceAccounts();
    if (key == "destination.ip") return address(Op::destination_ip, false, true);
    if (key == "destination.port") return port();
    if (key == "connection.sni") {
      auto sni = text(sniCondition);
      sni.permission = true;
      return sni;
    }
    if (key == "request.auth.principal") return requestPrincipals();
    if (key == "request.auth.audiences")
      return token([](const std::string& value) { return claimCondition({"aud"}, value); });
    if (key == "request.auth.presenter")
      return token([](const std::string& value) { return claimCondition({"azp"}, value); });
    if (const auto claims = bracketed(key, "request.auth.claims")) {
      return token([path = *claims](const std::string& value) { return claimCondition(path, value); });
    }
    if (const auto header = bracketed(key, "request.headers"); header && header->size() == 1) {
      return http([name = header->front()](const std::string& value) { return headerCondition(name, value); }, false);
    }
    static constexpr std::string_view kExperimental = "experimental.";
    if (key.starts_with("experimental.envoy.filters.")) {
      const auto prefix = key.substr(0, key.find('['));
      if (const auto names = bracketed(key, prefix); names && names->size() == 1) {
        auto metadata = text([filter = prefix.substr(kExperimental.size()), name = names->front()](
                                 const std::string& value) { return metadataCondition(filter, name, value); });
        metadata.permission = true;
        return metadata;
      }
    }
    return std::nullopt;
  }

  void condition(const Spec::Condition& when, const std::string& at, Items& permissions, Items& principals) {
    const auto attribute = attributeOf(when.key);
    if (!attribute) {
      complain(at + ".key", "\"" + when.key + "\" is no known condition");
      principals.never |= !deny_;
      return;
    }
    if (when.values.empty() && when.notValues.empty()) {
      complain(at, "there are neither values nor notValues");
      principals.never |= !deny_;
      return;
    }
    add(*attribute, when.values, when.notValues, at + ".values", at + ".notValues",
        attribute->permission ? permissions : principals);
  }

  const PolicyRuleContext& context_;
  bool deny_;
};

}  // namespace

std::optional<PolicyRule> readPolicyRule(const PolicyRuleContext& context) { return RuleReader(context).read(); }

}  // namespace fairway::normalize
