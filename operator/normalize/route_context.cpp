#include "normalize/route_context.h"

#include <algorithm>

#include "normalize/clients.h"
#include "normalize/hosts.h"
#include "normalize/objects.h"
#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::normalize {

namespace {

bool contains(const std::vector<std::string>& list, std::string_view text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

}  // namespace

void sortOldestFirst(std::vector<BoundService>& services) {
  std::sort(services.begin(), services.end(),
            [](const BoundService& a, const BoundService& b) { return olderThan(*a.object, *b.object); });
}

bool isBoundTo(const api::VirtualService& object, std::string_view gateway) {
  const auto& gateways = object.spec.gateways;
  if (gateways.empty()) return gateway == kMesh && !Errors(object).below("spec.gateways");
  return std::any_of(gateways.begin(), gateways.end(),
                     [&](const std::string& name) { return store::resolveGateway(name, object.meta.ns) == gateway; });
}

bool isVisibleTo(store::View& view, const api::VirtualService& object, std::string_view clientNs) {
  const Errors errors(object);
  if (errors.below("spec.exportTo") || errors.below("spec.export_to")) return object.meta.ns == clientNs;
  const auto& own = object.spec.exportTo;
  return isVisible(own.empty() ? view.ask(MeshSettingsOf{}).virtualServicesTo : own, object.meta.ns, clientNs);
}

bool appliesHere(const RouteContext& context, const BoundService& service, const MatchPlace& place) {
  if (place.port != 0 && place.port != context.port) return false;
  if (!place.sourceNamespace.empty() && place.sourceNamespace != context.client.ns) return false;
  if (!place.gateways.empty()) {
    const bool named = std::any_of(place.gateways.begin(), place.gateways.end(), [&](const std::string& gateway) {
      return contains(service.gateways, store::resolveGateway(gateway, service.object->meta.ns));
    });
    if (!named) return false;
  }
  return api::selects(place.sourceLabels, context.client.labels);
}

model::Destination resolveDestination(const RouteContext& context, const api::VirtualService& object,
                                      const api::Destination& destination, const std::string& field) {
  auto& view = context.view;
  const auto complain = [&](const std::string& part, const std::string& message) {
    error(view, provenanceOf(object), field + part, message + ": requests that are sent there fail");
  };
  model::Destination result;
  result.host = store::resolveHost(destination.host, object.meta.ns, view.mesh());
  result.port = destination.port;
  result.subset = destination.subset;

  const auto& service = view.ask(ServiceOf{result.host});
  if (!service) {
    result.missing = true;
    complain(".host", "there is no service " + result.host +
                          (destination.host.find('.') == std::string::npos
                               ? ""
                               : " (a name without dots is looked up in the VirtualService's namespace)"));
    return result;
  }
  if (!isVisible(service->exportTo, service->ns, context.client.ns)) {
    result.missing = true;
    complain(".host", service->kind + " " + service->ns + "/" + service->name + " with host " + result.host +
                          " is not exported to namespace " + context.client.ns);
    return result;
  }
  if (result.port == 0) {
    if (service->ports.size() == 1) {
      result.port = service->ports.front().number;
    } else if (service->port(context.port) != nullptr) {
      result.port = context.port;
    } else {
      result.missing = true;
      complain(".port", "service " + result.host + " has " + std::to_string(service->ports.size()) +
                            " ports and none is chosen, expected port.number to name one");
      return result;
    }
  } else if (service->port(result.port) == nullptr) {
    result.missing = true;
    complain(".port.number", "service " + result.host + " has no port " + std::to_string(result.port));
    return result;
  }
  if (!result.subset.empty()) {
    const auto& policy =
        view.ask(TrafficPolicyOf{policyClient(view, context.client, result.host), result.host, result.port});
    const bool known = std::any_of(policy.subsets.begin(), policy.subsets.end(),
                                   [&](const auto& subset) { return subset.name == result.subset; });
    if (!known) {
      result.missing = true;
      complain(".subset", "no DestinationRule for " + result.host + " that namespace " + context.client.ns +
                              " sees defines subset \"" + result.subset + "\"");
    }
  }
  return result;
}

}  // namespace fairway::normalize
