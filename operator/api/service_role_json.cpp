#include "api/service_role_json.h"

#include <algorithm>
#include <array>

#include "api/validate.h"
#include "base/strings.h"

namespace fairway::api {
namespace {

// "name[key]" with a key.
bool keyed(std::string_view text, std::string_view name) {
  return text.starts_with(name) && text.size() > name.size() + 2 && text[name.size()] == '[' && text.back() == ']';
}

bool known(std::string_view key) {
  static constexpr std::array<std::string_view, 6> kPlain{"destination.ip",   "destination.port",
                                                          "destination.name", "destination.namespace",
                                                          "destination.user", "connection.sni"};
  if (std::find(kPlain.begin(), kPlain.end(), key) != kPlain.end()) return true;
  return keyed(key, "destination.labels") || keyed(key, "request.headers") ||
         (key.starts_with("experimental.envoy.filters.") && key.ends_with(']') &&
          key.find('[') != std::string_view::npos);
}

void checkPorts(const Value& values) {
  values.eachItem([](const Value& item, std::size_t) {
    if (!item.json().is_string()) return;
    const auto port = toNumber(item.json().get_ref<const std::string&>());
    if (!port || *port > 65535)
      item.warn("found " + describe(item.json()) + ", expected a port number; it never matches");
  });
}

void readConstraint(const Value& value, ServiceRoleSpec::Constraint& out) {
  Fields fields(value);
  if (const auto key = fields.get("key")) {
    fields.read("key", out.key);
    if (!out.key.empty() && !known(out.key)) {
      key->warn("found " + quote(out.key) + ", which is no constraint that can be checked: the rule never matches");
    }
  }
  if (fields.readable() && out.key.empty()) fields.missing("key", "a constraint such as destination.labels[version]");
  const auto values = fields.get("values");
  if (values) out.values = values->texts();
  if (values && values->json().is_array()) {
    if (out.key == "destination.ip") checkIps(*values, Problem::Severity::warning);
    if (out.key == "destination.port") checkPorts(*values);
  }
  if (fields.readable() && out.values.empty()) fields.missing("values", "at least one value");
}

void readPorts(Fields& fields, std::string_view name, std::vector<std::uint32_t>& out) {
  const auto value = fields.get(name);
  if (!value) return;
  value->eachItem([&](const Value& item, std::size_t) {
    if (const auto port = item.integer(0, 65535)) out.push_back(static_cast<std::uint32_t>(*port));
  });
}

void readRule(const Value& value, ServiceRoleSpec::Rule& out) {
  Fields fields(value);
  fields.read("services", out.services);
  fields.read("hosts", out.hosts);
  fields.read("notHosts", out.notHosts);
  fields.read("paths", out.paths);
  fields.read("notPaths", out.notPaths);
  fields.read("methods", out.methods);
  fields.read("notMethods", out.notMethods);
  readPorts(fields, "ports", out.ports);
  readPorts(fields, "notPorts", out.notPorts);
  if (const auto constraints = fields.get("constraints")) {
    constraints->eachItem(
        [&](const Value& item, std::size_t) { readConstraint(item, out.constraints.emplace_back()); });
  }
  if (!out.methods.empty() && !out.notMethods.empty()) {
    value.error("methods and notMethods are both given, expected one of them");
  }
  if (!out.ports.empty() && !out.notPorts.empty())
    value.error("ports and notPorts are both given, expected one of them");
  const bool constrained = std::any_of(out.constraints.begin(), out.constraints.end(),
                                       [](const auto& constraint) { return constraint.key == "destination.port"; });
  if (constrained && (!out.ports.empty() || !out.notPorts.empty())) {
    value.error("ports are given both as a field and as the constraint destination.port, expected one of them");
  }
}

}  // namespace

void readSpec(const Value& spec, const ObjectMeta&, ServiceRoleSpec& out) {
  Fields fields(spec);
  const auto rules = fields.get("rules");
  if (rules) {
    rules->eachItem([&](const Value& item, std::size_t) { readRule(item, out.rules.emplace_back()); });
  }
  if (fields.readable() && (!rules || (rules->json().is_array() && out.rules.empty()))) {
    fields.missing("rules", "at least one rule");
  }
}

}  // namespace fairway::api
