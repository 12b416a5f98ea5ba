#include "api/service_role_binding_json.h"

#include <algorithm>
#include <array>

#include "api/validate.h"

namespace fairway::api {
namespace {

using Subject = ServiceRoleBindingSpec::Subject;

constexpr EnumName<bool> kModes[] = {{"ENFORCED", 0, false}, {"PERMISSIVE", 1, true}};

bool known(std::string_view key) {
  static constexpr std::array<std::string_view, 7> kPlain{"source.ip",
                                                          "source.namespace",
                                                          "source.principal",
                                                          "source.user",
                                                          "request.auth.principal",
                                                          "request.auth.audiences",
                                                          "request.auth.presenter"};
  if (std::find(kPlain.begin(), kPlain.end(), key) != kPlain.end()) return true;
  return key.ends_with(']') && ((key.starts_with("request.headers[") && key.size() > 17) ||
                                (key.starts_with("request.auth.claims[") && key.size() > 21));
}

void readProperties(const Value& value, Subject& out) {
  value.eachEntry([&](const Value& entry, const std::string& key) {
    auto text = entry.text();
    if (!text) return;
    if (!known(key)) {
      entry.warn("found " + quote(key) + ", which is no property that can be checked: the subject never matches");
    } else if (key == "source.ip" && !isIpOrCidr(*text)) {
      entry.warn("found " + quote(*text) +
                 ", expected an IP address or a range such as \"10.0.0.0/8\"; it never matches");
    }
    out.properties.emplace(key, std::move(*text));
  });
}

// The same attribute as a field and as a property contradicts itself.
void checkTwice(const Value& at, const Subject& subject, bool given, std::string_view field,
                const std::string& property) {
  if (!given || !subject.properties.contains(property)) return;
  at.error(std::string(field) + " and the property " + property + " are both given, expected one of them");
}

void readSubject(const Value& value, Subject& out) {
  Fields fields(value);
  fields.read("user", out.user);
  if (const auto group = fields.get("group")) {
    fields.read("group", out.group);
    group->warn("old field, use groups");
  }
  fields.read("names", out.names);
  fields.read("notNames", out.notNames);
  fields.read("groups", out.groups);
  fields.read("notGroups", out.notGroups);
  fields.read("namespaces", out.namespaces);
  fields.read("notNamespaces", out.notNamespaces);
  fields.read("ips", out.ips);
  fields.read("notIps", out.notIps);
  for (const auto* name : {"ips", "notIps"}) {
    if (const auto list = fields.get(name)) checkIps(*list, Problem::Severity::warning);
  }
  for (const auto* name : {"names", "notNames"}) {
    const auto list = fields.get(name);
    const auto& texts = std::string_view(name) == "names" ? out.names : out.notNames;
    if (list && std::find(texts.begin(), texts.end(), "*") != texts.end()) {
      list->error("found \"*\", expected allUsers (anyone) or allAuthenticatedUsers (anyone with a certificate)");
    }
  }
  if (const auto properties = fields.get("properties")) readProperties(*properties, out);
  if (fields.readable() && out == Subject{}) {
    value.error(
        "it is empty, expected at least one of user, names, groups, namespaces, ips, properties; "
        "`user: \"*\"` is anyone");
  }
  if (!out.group.empty() && !out.groups.empty()) value.error("group and groups are both given, expected groups");
  checkTwice(value, out, !out.names.empty(), "names", "source.principal");
  checkTwice(value, out, !out.groups.empty(), "groups", "request.auth.claims[groups]");
  checkTwice(value, out, !out.group.empty(), "group", "request.auth.claims[groups]");
  checkTwice(value, out, !out.namespaces.empty(), "namespaces", "source.namespace");
  checkTwice(value, out, !out.ips.empty(), "ips", "source.ip");
}

void readRoleRef(Fields& fields, ServiceRoleBindingSpec& out) {
  const auto roleRef = fields.get("roleRef");
  if (!roleRef) {
    fields.missing("roleRef", "{kind: ServiceRole, name: the role in this namespace}");
    return;
  }
  Fields parts(*roleRef);
  if (!parts.readable()) return;
  if (const auto kind = parts.get("kind")) {
    parts.read("kind", out.roleKind);
    if (kind->json().is_string() && out.roleKind != "ServiceRole") kind->expected("ServiceRole");
  } else {
    parts.missing("kind", "ServiceRole");
  }
  if (const auto name = parts.get("name")) {
    parts.read("name", out.roleName);
    if (name->json().is_string() && !isDnsSubdomain(out.roleName))
      name->expected("the name of a ServiceRole in this namespace");
  } else {
    parts.missing("name", "the name of a ServiceRole in this namespace");
  }
  parts.ignore("apiGroup", "a role is always of rbac.istio.io");
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, ServiceRoleBindingSpec& out) {
  Fields fields(spec);
  if (!fields.readable()) return;
  readRoleRef(fields, out);
  for (const auto* name : {"role", "actions"}) {
    if (const auto value = fields.get(name))
      value->error("a binding cannot carry its own rules, expected roleRef alone");
  }
  if (const auto mode = fields.get("mode")) {
    if (const auto permissive = mode->oneOf<bool>(kModes)) out.permissive = *permissive;
  }
  const auto subjects = fields.get("subjects");
  if (subjects) {
    subjects->eachItem([&](const Value& item, std::size_t) { readSubject(item, out.subjects.emplace_back()); });
  }
  if (!subjects || (subjects->json().is_array() && out.subjects.empty())) {
    fields.missing("subjects", "at least one subject");
  }
}

}  // namespace fairway::api
