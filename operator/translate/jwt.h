#pragma once

#include "model/security.h"

namespace google::protobuf {
template <class Element>
class RepeatedPtrField;
}
namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class HttpConnectionManager;
}

// End-user tokens as Envoy's jwt_authn filter.
namespace fairway::translate {

// Appends the filter, and the text of its refusals, if there are rules. The claims of a valid token are in the dynamic
// metadata "envoy.filters.http.jwt_authn", under "payload". With `routesByClaims`, routes are chosen again once they are known.
void addRequestAuthentication(
    envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager& manager,
    const model::RequestAuthentication& authentication, bool routesByClaims);

// Whether a rule decides by the path of a request.
bool looksAtPath(const model::RequestAuthentication& authentication);

}  // namespace fairway::translate
