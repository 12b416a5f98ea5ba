#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/networking.h"
#include "model/service.h"
#include "model/traffic.h"
#include "store/view.h"

// For whom routes are made, and what VirtualServices need to know about that. Shared by sidecars and gateways.
namespace fairway::normalize {

inline constexpr std::string_view kMesh = "mesh";

struct RouteContext {
  store::View& view;
  model::Client client;    // the proxy: its namespace, and its labels, of a sidecar those that some rule looks at
  std::uint32_t port = 0;  // of the listener: service port, or port of the gateway's server
};

// A VirtualService and the gateways ("mesh" or "ns/name") through which it applies here.
struct BoundService {
  const api::VirtualService* object;
  std::vector<std::string> gateways;
};

// Oldest first, then namespace and name: the order in which several VirtualServices of one host count.
void sortOldestFirst(std::vector<BoundService>& services);

// Whether the VirtualService names this gateway. An unreadable list of gateways names none, rather than the mesh.
bool isBoundTo(const api::VirtualService& object, std::string_view gateway);

// Whether proxies of the namespace see it. With an unreadable exportTo only those of its own namespace do.
bool isVisibleTo(store::View& view, const api::VirtualService& object, std::string_view clientNs);

// What a match says about where a request comes in. Matches for another port, gateway or client apply to nothing here.
struct MatchPlace {
  std::uint32_t port;
  const model::Labels& sourceLabels;
  const std::string& sourceNamespace;
  const std::vector<std::string>& gateways;
};
bool appliesHere(const RouteContext& context, const BoundService& service, const MatchPlace& place);

// A destination with its host resolved against the VirtualService's namespace, and its port: the one given, else
// the service's only one, else the listener's if the service has it. `missing`, with an error note, if there is no
// such host, port or subset.
model::Destination resolveDestination(const RouteContext& context, const api::VirtualService& object,
                                      const api::Destination& destination, const std::string& field);

}  // namespace fairway::normalize
