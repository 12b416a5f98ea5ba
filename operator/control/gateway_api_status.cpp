#include "control/gateway_api_status.h"

#include <algorithm>
#include <set>

#include "api/codec.h"
#include "api/gateway_api.h"
#include "kube/fields.h"

namespace fairway::control {

using Json = nlohmann::json;
using kube::child;
using kube::text;

namespace {

const api::KindInfo* infoOf(const std::string& kind) {
  for (const auto& info : api::allKinds()) {
    if (info.group == api::gateway_api::kGroup && info.name == kind) return &info;
  }
  return nullptr;
}

const Json* conditionOf(const Json& conditions, const std::string& type) {
  if (!conditions.is_array()) return nullptr;
  for (const auto& each : conditions) {
    if (text(each, "type") == type) return &each;
  }
  return nullptr;
}

// Types that are ours to take away where they no longer hold.
bool isOurs(const std::string& type) {
  static const std::set<std::string> kTypes{"Accepted",     "Programmed",       "Conflicted",
                                            "ResolvedRefs", "PartiallyInvalid", "InsecureFrontendValidationMode"};
  return kTypes.contains(type);
}

Json conditionsOf(const model::StatusConditions& wanted, const Json& known, std::int64_t generation,
                  const std::string& now) {
  Json result = Json::array();
  for (const auto& each : wanted) {
    const std::string status = each.holds ? "True" : "False";
    std::string since = now;
    if (const auto* before = conditionOf(known, each.type); before && text(*before, "status") == status) {
      if (const auto time = text(*before, "lastTransitionTime"); !time.empty()) since = time;
    }
    result.push_back({{"type", each.type},
                      {"status", status},
                      {"reason", each.reason},
                      {"message", each.message},
                      {"lastTransitionTime", since},
                      {"observedGeneration", generation}});
  }
  if (!known.is_array()) return result;
  for (const auto& other : known) {
    const auto type = text(other, "type");
    if (!isOurs(type) && conditionOf(result, type) == nullptr) result.push_back(other);
  }
  return result;
}

Json listenersOf(const model::GatewayApiStatus& wanted, const Json& known, const std::string& now) {
  Json result = Json::array();
  for (const auto& listener : wanted.listeners) {
    Json before;
    if (known.is_array()) {
      for (const auto& each : known) {
        if (text(each, "name") == listener.name) before = child(each, "conditions");
      }
    }
    Json kinds = Json::array();
    for (const auto& kind : listener.kinds) kinds.push_back({{"group", api::gateway_api::kGroup}, {"kind", kind}});
    result.push_back({{"name", listener.name},
                      {"supportedKinds", std::move(kinds)},
                      {"attachedRoutes", listener.attachedRoutes},
                      {"conditions", conditionsOf(listener.conditions, before, wanted.generation, now)}});
  }
  return result;
}

Json referenceOf(const model::GatewayApiStatus::Parent& parent) {
  Json result{{"group", parent.group}, {"kind", parent.kind}, {"name", parent.name}};
  if (!parent.ns.empty()) result["namespace"] = parent.ns;
  if (!parent.sectionName.empty()) result["sectionName"] = parent.sectionName;
  if (parent.port != 0) result["port"] = parent.port;
  return result;
}

bool isOurController(const std::string& name) {
  return name == "istio.io/gateway-controller" || name == "istio.io/mesh-controller";
}

// `reference` is "parentRef" or "ancestorRef".
Json parentsOf(const model::GatewayApiStatus& wanted, const Json& known, const char* reference,
               const std::string& now) {
  Json result = Json::array();
  if (known.is_array()) {
    for (const auto& each : known) {
      if (!isOurController(text(each, "controllerName"))) result.push_back(each);
    }
  }
  for (const auto& parent : wanted.parents) {
    const auto ref = referenceOf(parent);
    Json before;
    if (known.is_array()) {
      for (const auto& each : known) {
        if (text(each, "controllerName") == parent.controller && child(each, reference) == ref) {
          before = child(each, "conditions");
        }
      }
    }
    result.push_back({{reference, ref},
                      {"controllerName", parent.controller},
                      {"conditions", conditionsOf(parent.conditions, before, wanted.generation, now)}});
  }
  return result;
}

}  // namespace

Json keepGatewayApi(const Json& object) {
  const auto& meta = child(object, "metadata");
  const auto& generation = child(meta, "generation");
  return {{"version", text(meta, "resourceVersion")},
          {"generation", generation.is_number_integer() ? generation : Json(0)},
          {"status", child(object, "status")}};
}

Json gatewayApiStatus(const model::GatewayApiStatus& wanted, const Json& known, const std::string& now) {
  Json status = known.is_object() ? known : Json::object();
  const bool gateway = wanted.kind == "Gateway";
  if (gateway || wanted.kind == "GatewayClass") {
    status["conditions"] = conditionsOf(wanted.conditions, child(known, "conditions"), wanted.generation, now);
  }
  if (wanted.kind == "GatewayClass") {
    Json features = Json::array();
    for (const auto& name : wanted.features) features.push_back({{"name", name}});
    status["supportedFeatures"] = std::move(features);
  } else if (gateway) {
    Json addresses = Json::array();
    for (const auto& address : wanted.addresses) {
      addresses.push_back({{"type", address.type}, {"value", address.value}});
    }
    status["addresses"] = std::move(addresses);
    status["listeners"] = listenersOf(wanted, child(known, "listeners"), now);
  } else {
    const bool policy = wanted.kind == "BackendTLSPolicy";
    const char* list = policy ? "ancestors" : "parents";
    auto parents = parentsOf(wanted, child(known, list), policy ? "ancestorRef" : "parentRef", now);
    // Nothing of ours, and nobody else has said anything: nothing to write.
    if (!parents.empty() || status.contains(list)) status[list] = std::move(parents);
  }
  return status;
}

std::vector<Write> gatewayApiStatusWrites(const std::vector<model::GatewayApiStatus>& wanted,
                                          const std::map<std::string, GatewayApiObjects>& kinds,
                                          const std::string& now) {
  std::vector<Write> writes;
  for (const auto& each : wanted) {
    const auto* info = infoOf(each.kind);
    const auto kind = kinds.find(each.kind);
    if (info == nullptr || kind == kinds.end()) continue;
    const auto object = kind->second.objects.find({each.ns, each.name});
    if (object == kind->second.objects.end() || object->second.at("generation") != each.generation) continue;
    const auto& known = object->second.at("status");
    const auto status = gatewayApiStatus(each, known, now);
    if (status == known || (known.is_null() && status.empty())) continue;
    const kube::Resource resource{std::string(info->group), kind->second.version, std::string(info->plural), "", ""};
    const Json patch{{"metadata", {{"resourceVersion", object->second.at("version")}}}, {"status", status}};
    const auto name = (each.ns.empty() ? "" : each.ns + "/") + each.name;
    writes.push_back(
        {"Gateway API status", each.kind + ".gateway.networking.k8s.io " + name,
         kube::patchCall(kube::objectPath(resource, each.ns, each.name) + "/status", kube::PatchType::merge,
                         patch.dump(-1, ' ', false, Json::error_handler_t::replace))});
  }
  return writes;
}

}  // namespace fairway::control
