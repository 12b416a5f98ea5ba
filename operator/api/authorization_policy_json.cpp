#include "api/authorization_policy_json.h"

#include <algorithm>
#include <array>

#include "api/request_authentication_json.h"
#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

using Spec = AuthorizationPolicySpec;

constexpr EnumName<Spec::Action> kActions[] = {{"ALLOW", 0, Spec::Action::allow},
                                               {"DENY", 1, Spec::Action::deny},
                                               {"AUDIT", 2, Spec::Action::audit},
                                               {"CUSTOM", 3, Spec::Action::custom}};

void checkPorts(const Value& list) {
  if (!list.json().is_array()) return;
  list.eachItem([](const Value& item, std::size_t) {
    if (!item.json().is_string()) return;
    const auto port = toNumber(item.json().get_ref<const std::string&>());
    if (!port || *port < 1 || *port > 65535) item.expected("a port from 1 to 65535 in quotes");
  });
}

bool keyed(std::string_view key, std::string_view name) {
  return key.starts_with(name) && key.size() > name.size() + 2 && key[name.size()] == '[' && key.back() == ']';
}

// The attributes of Istio's reference "Authorization Policy Conditions".
bool known(std::string_view key) {
  static constexpr std::array<std::string_view, 11> kPlain{"source.ip",
                                                           "remote.ip",
                                                           "source.namespace",
                                                           "source.principal",
                                                           "source.serviceAccount",
                                                           "destination.ip",
                                                           "destination.port",
                                                           "connection.sni",
                                                           "request.auth.principal",
                                                           "request.auth.audiences",
                                                           "request.auth.presenter"};
  if (std::find(kPlain.begin(), kPlain.end(), key) != kPlain.end()) return true;
  return keyed(key, "request.headers") || (key.starts_with("request.auth.claims[") && key.ends_with(']')) ||
         key.starts_with("experimental.envoy.filters.");
}

void readSource(const Value& value, Spec::Source& out) {
  Fields fields(value);
  fields.read("principals", out.principals);
  fields.read("notPrincipals", out.notPrincipals);
  fields.read("requestPrincipals", out.requestPrincipals);
  fields.read("notRequestPrincipals", out.notRequestPrincipals);
  fields.read("namespaces", out.namespaces);
  fields.read("notNamespaces", out.notNamespaces);
  fields.read("serviceAccounts", out.serviceAccounts);
  fields.read("notServiceAccounts", out.notServiceAccounts);
  fields.read("ipBlocks", out.ipBlocks);
  fields.read("notIpBlocks", out.notIpBlocks);
  fields.read("remoteIpBlocks", out.remoteIpBlocks);
  fields.read("notRemoteIpBlocks", out.notRemoteIpBlocks);
  for (const auto* name : {"ipBlocks", "notIpBlocks", "remoteIpBlocks", "notRemoteIpBlocks"}) {
    if (const auto list = fields.get(name)) checkIps(*list);
  }
  for (const auto* name : {"serviceAccounts", "notServiceAccounts"}) {
    const auto list = fields.get(name);
    if (!list || !list->json().is_array()) continue;
    list->eachItem([](const Value& item, std::size_t) {
      if (!item.json().is_string()) return;
      const auto parts = split(item.json().get_ref<const std::string&>(), '/');
      if (parts.size() > 2 ||
          !std::all_of(parts.begin(), parts.end(), [](const auto& p) { return isDnsSubdomain(p); })) {
        item.expected("a service account as name or namespace/name, without wildcards");
      }
    });
  }
  const bool accounts = !out.serviceAccounts.empty() || !out.notServiceAccounts.empty();
  if (accounts && (!out.principals.empty() || !out.notPrincipals.empty() || !out.namespaces.empty() ||
                   !out.notNamespaces.empty())) {
    value.error("serviceAccounts cannot be combined with principals or namespaces, expected one of them");
  }
  if (fields.readable() && out == Spec::Source{})
    value.error("it has no condition, expected at least one, such as principals");
}

void readOperation(const Value& value, Spec::Operation& out) {
  Fields fields(value);
  fields.read("hosts", out.hosts);
  fields.read("notHosts", out.notHosts);
  fields.read("ports", out.ports);
  fields.read("notPorts", out.notPorts);
  fields.read("methods", out.methods);
  fields.read("notMethods", out.notMethods);
  fields.read("paths", out.paths);
  fields.read("notPaths", out.notPaths);
  for (const auto* name : {"ports", "notPorts"}) {
    if (const auto list = fields.get(name)) checkPorts(*list);
  }
  if (fields.readable() && out == Spec::Operation{})
    value.error("it has no condition, expected at least one, such as paths");
}

void readCondition(const Value& value, Spec::Condition& out) {
  Fields fields(value);
  if (const auto key = fields.get("key")) {
    fields.read("key", out.key);
    if (key->json().is_string() && !known(out.key)) {
      key->expected(
          "an attribute such as request.headers[name], source.ip, remote.ip, source.namespace, "
          "source.principal, request.auth.claims[name], destination.ip, destination.port or connection.sni");
    }
  } else if (fields.readable()) {
    fields.missing("key", "an attribute such as request.headers[name]");
  }
  fields.read("values", out.values);
  fields.read("notValues", out.notValues);
  for (const auto* name : {"values", "notValues"}) {
    const auto list = fields.get(name);
    if (!list) continue;
    if (out.key == "source.ip" || out.key == "remote.ip" || out.key == "destination.ip") checkIps(*list);
    if (out.key == "destination.port") checkPorts(*list);
  }
  if (fields.readable() && out.values.empty() && out.notValues.empty()) value.error("expected values or notValues");
}

// `from` and `to` are lists of mappings with one field, which holds the conditions.
template <class Part, class Read>
void readParts(Fields& rule, std::string_view name, std::string_view inner, std::vector<Part>& out, Read read) {
  const auto list = rule.get(name);
  if (!list) return;
  list->eachItem([&](const Value& item, std::size_t) {
    auto& part = out.emplace_back();
    Fields fields(item);
    if (const auto value = fields.get(inner)) {
      read(*value, part);
    } else if (fields.readable()) {
      fields.missing(inner, "a mapping with conditions");
    }
  });
  if (list->json().is_array() && out.empty())
    list->error("it is empty, expected at least one element, or none of " + std::string(name));
}

void readProvider(Fields& fields, std::string& out) {
  const auto provider = fields.get("provider");
  if (!provider) return fields.missing("provider", "{name: ...}, because action is CUSTOM");
  Fields parts(*provider);
  parts.read("name", out);
  if (parts.readable() && out.empty()) parts.missing("name", "a name of the mesh's extensionProviders");
}

// Istio's annotation for policies that only count what they would do.
void readDryRun(const Value& spec, const ObjectMeta& meta, Spec& out) {
  static const std::string kAnnotation = "istio.io/dry-run";
  const auto found = meta.annotations.find(kAnnotation);
  if (found == meta.annotations.end()) return;
  const auto text = toLower(found->second);
  if (text == "true" || text == "1" || text == "t") {
    out.dryRun = true;
    return;
  }
  if (text == "false" || text == "0" || text == "f") return;
  spec.report().add(Problem::Severity::warning, "metadata.annotations[" + kAnnotation + "]",
                    "found " + quote(found->second) + ", expected \"true\" or \"false\": the policy is enforced");
}

void readRule(const Value& value, Spec::Rule& out) {
  Fields fields(value);
  readParts(fields, "from", "source", out.from, readSource);
  readParts(fields, "to", "operation", out.to, readOperation);
  if (const auto when = fields.get("when")) {
    when->eachItem([&](const Value& item, std::size_t) { readCondition(item, out.when.emplace_back()); });
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta& meta, AuthorizationPolicySpec& out) {
  Fields fields(spec);
  if (const auto selector = fields.get("selector")) readMatchLabels(*selector, out.selector);
  readTargetRefs(fields, out.targetRefs);
  const auto action = fields.get("action");
  if (action) {
    if (const auto kind = action->oneOf<Spec::Action>(kActions)) out.action = *kind;
  }
  readDryRun(spec, meta, out);
  const auto rules = fields.get("rules");
  if (rules) {
    rules->eachItem([&](const Value& item, std::size_t) { readRule(item, out.rules.emplace_back()); });
  }
  if (!fields.readable()) return;
  const bool custom = out.action == Spec::Action::custom;
  if (custom) readProvider(fields, out.provider);
  if (!custom && fields.has("provider")) fields.get("provider")->error("only action CUSTOM has a provider");
  if (out.action != Spec::Action::allow && (!rules || (rules->json().is_array() && out.rules.empty()))) {
    fields.missing("rules", "at least one rule: without one this action has no effect; `rules: [{}]` is every request");
  }
}

}  // namespace fairway::api
