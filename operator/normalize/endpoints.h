#pragma once

#include "normalize/queries.h"

// EndpointSlices, with what the pods behind them add: identity, labels, locality, mesh TLS.
namespace fairway::normalize {

EndpointsOf::Value endpointsOf(store::View& view, const EndpointsOf& query);
IdentitiesOf::Value identitiesOf(store::View& view, const IdentitiesOf& query);

}  // namespace fairway::normalize
