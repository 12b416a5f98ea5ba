#include "analyze/routes.h"

#include "normalize/queries.h"
#include "store/indexes.h"

namespace fairway::analyze {

namespace {

std::string fieldAt(const std::string& list, std::size_t index) { return list + "[" + std::to_string(index) + "]"; }

template <class Route>
void ofRoute(const std::vector<Route>& route, const std::string& at,
             const std::function<void(const DestinationAt&)>& visit) {
  for (std::size_t i = 0; i < route.size(); ++i) {
    visit(
        {route[i].destination, fieldAt(at + ".route", i) + ".destination", false, route[i].weight, route.size() == 1});
  }
}

}  // namespace

void eachDestination(const api::VirtualService& object, const std::function<void(const DestinationAt&)>& visit) {
  const auto& spec = object.spec;
  for (std::size_t i = 0; i < spec.http.size(); ++i) {
    const auto at = fieldAt("spec.http", i);
    ofRoute(spec.http[i].route, at, visit);
    for (std::size_t k = 0; k < spec.http[i].mirrors.size(); ++k) {
      visit({spec.http[i].mirrors[k].destination, fieldAt(at + ".mirrors", k) + ".destination", true, 0, true});
    }
  }
  for (std::size_t i = 0; i < spec.tls.size(); ++i) ofRoute(spec.tls[i].route, fieldAt("spec.tls", i), visit);
  for (std::size_t i = 0; i < spec.tcp.size(); ++i) ofRoute(spec.tcp[i].route, fieldAt("spec.tcp", i), visit);
}

std::vector<std::string> gatewaysOf(const api::VirtualService& object) {
  if (object.spec.gateways.empty()) return {"mesh"};
  std::vector<std::string> result;
  for (const auto& name : object.spec.gateways) result.push_back(store::resolveGateway(name, object.meta.ns));
  return result;
}

bool isForMesh(const api::VirtualService& object) {
  const auto gateways = gatewaysOf(object);
  return std::find(gateways.begin(), gateways.end(), "mesh") != gateways.end();
}

const model::Service* serviceOf(const World& world, const std::string& host) {
  const auto& service = world.view().ask(normalize::ServiceOf{host});
  return service ? &*service : nullptr;
}

std::string ruleText(const std::string& list, std::size_t index) { return fieldAt(list, index); }

}  // namespace fairway::analyze
