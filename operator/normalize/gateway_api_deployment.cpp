#include <algorithm>
#include <set>

#include "base/strings.h"
#include "normalize/gateway_api_listeners.h"
#include "normalize/gateway_api_status.h"
#include "normalize/objects.h"

namespace fairway::normalize {

namespace {

constexpr const char* kServiceType = "networking.istio.io/service-type";
constexpr std::uint32_t kStatusPort = 15'021;

}  // namespace

GatewayDeploymentOf GatewayDeploymentOf::parse(std::string_view key) {
  const auto fields = store::splitKey(key);
  return {fields.at(0), fields.at(1)};
}

GatewayDeploymentOf::Value gatewayDeploymentOf(store::View& view, const GatewayDeploymentOf& query) {
  const auto& value = view.ask(KubernetesGateway{query.ns, query.name});
  const auto* gateway = view.get<api::gateway_api::Gateway>(query.ns, query.name);
  if (gateway == nullptr || !value.ours || !value.managed || gateway->meta.deleting) return std::nullopt;
  const bool served = std::any_of(value.listeners.begin(), value.listeners.end(),
                                  [](const auto& listener) { return listener.accepted.ok(); });
  if (!served) return std::nullopt;
  model::GatewayDeployment result;
  result.ns = query.ns;
  result.gateway = query.name;
  result.uid = gateway->meta.uid;
  result.name = infrastructureName(*gateway);
  if (const auto rev = gateway->meta.labels.find("istio.io/rev"); rev != gateway->meta.labels.end()) {
    result.revision = rev->second;
  }
  result.labels = gateway->spec.labels;
  result.annotations = gateway->spec.annotations;
  for (const auto* annotations : {&gateway->meta.annotations, &gateway->spec.annotations}) {
    const auto type = annotations->find(kServiceType);
    if (type == annotations->end()) continue;
    if (type->second == "LoadBalancer" || type->second == "ClusterIP" || type->second == "NodePort") {
      result.serviceType = type->second;
    } else {
      warning(view, provenanceOf(*gateway), std::string("metadata.annotations[") + kServiceType + "]",
              "found \"" + type->second + "\", expected LoadBalancer, ClusterIP or NodePort: LoadBalancer is used");
    }
  }
  for (const auto& address : gateway->spec.addresses) {
    if (result.loadBalancerIp.empty()) result.loadBalancerIp = address.value;  // a Service asks for one
  }

  result.ports.push_back({"status-port", kStatusPort});
  std::set<std::uint32_t> added;
  for (const auto& listener : value.listeners) {
    if (listener.port == 0 || listener.kinds.empty() || listener.port == kStatusPort ||
        !added.insert(listener.port).second)
      continue;
    result.ports.push_back({toLower(listener.protocol) + "-" + std::to_string(listener.port), listener.port});
  }
  return result;
}

}  // namespace fairway::normalize
