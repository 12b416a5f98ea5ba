#include "inspect/difference.h"

#include <algorithm>
#include <map>
#include <set>

#include "inspect/fields.h"
#include "inspect/text_diff.h"

namespace fairway::inspect {

using nlohmann::json;

namespace {

constexpr std::string_view kCredentials = "kubernetes://";  // secrets of gateways, the only ones that come by ADS

const char* kindText(Difference::Kind kind) {
  switch (kind) {
    case Difference::Kind::missing: return "missing";
    case Difference::Kind::extra: return "extra";
    case Difference::Kind::changed: break;
  }
  return "changed";
}

// Envoy rebuilds the assignment from its hosts: what it adds and leaves out is no difference.
json comparableEndpoints(const json& assignment) {
  std::vector<json> endpoints;
  for (const auto& group : itemsAt(assignment, {"endpoints"})) {
    const auto& locality = valueAt(group, {"locality"});
    for (const auto& endpoint : itemsAt(group, {"lb_endpoints"})) {
      json each{{"address", addressText(valueAt(endpoint, {"endpoint", "address"}))},
                {"weight", std::max<std::uint64_t>(numberAt(endpoint, {"load_balancing_weight"}), 1)},
                {"priority", numberAt(group, {"priority"})}};
      if (locality.is_object() && !locality.empty()) each["locality"] = locality;
      endpoints.push_back(std::move(each));
    }
  }
  std::sort(endpoints.begin(), endpoints.end());
  return endpoints;
}

json comparable(Type type, const json& config) {
  if (type == Type::endpoint) return comparableEndpoints(config);
  json result = config;
  if (result.is_object()) result.erase("@type");
  if (type == Type::secret && result.is_object() && result.contains("tls_certificate")) {
    result["tls_certificate"].erase("private_key");
  }
  return result;
}

bool hasEdsCluster(const Dump& envoy, const std::string& name) {
  return std::any_of(envoy.of(Type::cluster).begin(), envoy.of(Type::cluster).end(), [&](const Resource& cluster) {
    if (textAt(cluster.config, {"type"}) != "EDS") return false;
    const auto service = textAt(cluster.config, {"eds_cluster_config", "service_name"});
    return (service.empty() ? cluster.name : service) == name;
  });
}

bool refersTo(const json& listener, const std::string& route) {
  const auto chainRefers = [&](const json& chain) {
    const auto& filters = itemsAt(chain, {"filters"});
    return std::any_of(filters.begin(), filters.end(), [&](const json& filter) {
      return textAt(filter, {"typed_config", "rds", "route_config_name"}) == route;
    });
  };
  const auto& chains = itemsAt(listener, {"filter_chains"});
  return std::any_of(chains.begin(), chains.end(), chainRefers) ||
         chainRefers(valueAt(listener, {"default_filter_chain"}));
}

bool fromControlPlane(const Dump& envoy, Type type, const Resource& resource) {
  if (resource.state == "STATIC") return false;
  if (type == Type::secret) return resource.name.starts_with(kCredentials);
  // Clusters with endpoints of their own are listed, too.
  return type != Type::endpoint || hasEdsCluster(envoy, resource.name);
}

// Envoy asks for these because of another resource. Where it does not have that one, only that one is missing.
bool wanted(const Dump& envoy, Type type, const std::string& name) {
  switch (type) {
    case Type::endpoint: return hasEdsCluster(envoy, name);
    case Type::virtual_host: return envoy.find(Type::route, name.substr(0, name.rfind('/'))) != nullptr;
    case Type::route: {
      const auto& listeners = envoy.of(Type::listener);
      return std::any_of(listeners.begin(), listeners.end(),
                         [&](const Resource& listener) { return refersTo(listener.config, name); });
    }
    default: return true;
  }
}

// What Envoy uses of a name that it lists several times: not what is still warming.
using Held = std::map<std::string, const Resource*>;
Held heldBy(const Dump& envoy, Type type) {
  Held held;
  for (const auto& resource : envoy.of(type)) {
    if (!fromControlPlane(envoy, type, resource)) continue;
    auto& known = held[resource.name];
    if (known == nullptr || known->state == "WARMING") known = &resource;
  }
  return held;
}

// The refusal that either side tells of.
std::string reasonFor(const Dump& controlPlane, const Dump& envoy, Type type, const std::string& name) {
  for (const auto* dump : {&envoy, &controlPlane}) {
    for (const auto& refusal : dump->refusals) {
      if (refusal.type == type && refusal.name == name && !refusal.reason.empty()) return refusal.reason;
    }
  }
  return {};
}

TypeComparison compareType(const Dump& controlPlane, const Dump& envoy, Type type) {
  TypeComparison result{type, true, {}};
  // Without ?include_eds there are no endpoints of static clusters either.
  if (type == Type::endpoint && envoy.of(type).empty() && !envoy.of(Type::cluster).empty()) {
    result.known = false;
    return result;
  }
  auto held = heldBy(envoy, type);
  for (const auto& resource : controlPlane.of(type)) {
    const auto found = held.find(resource.name);
    const auto reason = reasonFor(controlPlane, envoy, type, resource.name);
    if (found == held.end()) {
      if (!wanted(envoy, type, resource.name)) continue;
      result.differences.push_back({Difference::Kind::missing, resource.name, resource.state, reason, {}});
      continue;
    }
    const auto ours = comparable(type, resource.config), theirs = comparable(type, found->second->config);
    held.erase(found);
    if (ours == theirs) continue;
    result.differences.push_back({Difference::Kind::changed, resource.name, resource.state, reason,
                                  unifiedDiff(ours.dump(2) + "\n", theirs.dump(2) + "\n")});
  }
  for (const auto& [name, resource] : held) result.differences.push_back({Difference::Kind::extra, name, {}, {}, {}});
  std::stable_sort(result.differences.begin(), result.differences.end(),
                   [](const Difference& left, const Difference& right) { return left.name < right.name; });
  return result;
}

std::string counted(const TypeComparison& comparison, Difference::Kind kind) {
  const auto count = std::count_if(comparison.differences.begin(), comparison.differences.end(),
                                   [&](const Difference& each) { return each.kind == kind; });
  return count == 0 ? "" : std::to_string(count) + " " + kindText(kind);
}

}  // namespace

std::vector<TypeComparison> compare(const Dump& controlPlane, const Dump& envoy) {
  std::vector<TypeComparison> result;
  for (std::size_t i = 0; i < kTypeCount; ++i) {
    result.push_back(compareType(controlPlane, envoy, static_cast<Type>(i)));
  }
  return result;
}

bool equal(const std::vector<TypeComparison>& comparison) {
  return std::all_of(comparison.begin(), comparison.end(),
                     [](const TypeComparison& each) { return each.differences.empty(); });
}

std::string comparisonText(const std::vector<TypeComparison>& comparison) {
  std::string text;
  for (const auto& each : comparison) {
    const std::string title(plural(each.type));
    if (!each.known) {
      text += title + " Not Compared: Envoy's dump has none; take it from /config_dump?include_eds\n";
      continue;
    }
    if (each.differences.empty()) {
      text += title + " Match\n";
      continue;
    }
    text += title + " Don't Match:";
    std::string separator = " ";
    for (const auto kind : {Difference::Kind::missing, Difference::Kind::changed, Difference::Kind::extra}) {
      const auto count = counted(each, kind);
      if (count.empty()) continue;
      text += separator + count;
      separator = ", ";
    }
    text += "\n";
    for (const auto& difference : each.differences) {
      const auto what = std::string(singular(each.type)) + " " + difference.name;
      const std::string rejected = difference.reason.empty() ? "" : "  refused by Envoy: " + difference.reason + "\n";
      switch (difference.kind) {
        case Difference::Kind::missing:
          text += "- " + what + ": Envoy does not have it" +
                  (difference.state.empty() ? "" : " (" + difference.state + ")") + "\n" + rejected;
          break;
        case Difference::Kind::extra: text += "+ " + what + ": only Envoy has it\n"; break;
        case Difference::Kind::changed:
          text += "--- control plane: " + what + (difference.state.empty() ? "" : " (" + difference.state + ")") +
                  "\n+++ Envoy: " + what + "\n" + rejected + difference.diff;
      }
    }
  }
  return text;
}

nlohmann::ordered_json comparisonJson(const std::string& proxy, const std::vector<TypeComparison>& comparison) {
  nlohmann::ordered_json result{
      {"proxy", proxy}, {"match", equal(comparison)}, {"types", nlohmann::ordered_json::object()}};
  for (const auto& each : comparison) {
    nlohmann::ordered_json entry{{"compared", each.known},
                                 {"match", each.differences.empty()},
                                 {"differences", nlohmann::ordered_json::array()}};
    for (const auto& difference : each.differences) {
      nlohmann::ordered_json shown{{"name", difference.name}, {"kind", kindText(difference.kind)}};
      if (!difference.state.empty()) shown["status"] = difference.state;
      if (!difference.reason.empty()) shown["reason"] = difference.reason;
      if (!difference.diff.empty()) shown["diff"] = difference.diff;
      entry["differences"].push_back(std::move(shown));
    }
    result["types"][std::string(shortName(each.type))] = std::move(entry);
  }
  return result;
}

}  // namespace fairway::inspect
