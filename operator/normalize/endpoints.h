#pragma once

#include "normalize/queries.h"

// EndpointSlices, with what the pods behind them add: identity, labels, locality, mesh TLS.
namespace fairway::normalize {

// Sorts, and of equal addresses and ports keeps the first.
void keepOnePerAddress(std::vector<model::Endpoint>& endpoints);
// Whether peers may speak the mesh's mutual TLS with this port of a workload.
bool takesMeshTls(store::View& view, const model::Workload& workload, std::uint32_t port);

EndpointsOf::Value endpointsOf(store::View& view, const EndpointsOf& query);
IdentitiesOf::Value identitiesOf(store::View& view, const IdentitiesOf& query);

}  // namespace fairway::normalize
