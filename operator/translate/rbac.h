#pragma once

#include "model/security.h"

namespace google::protobuf {
template <class Element>
class RepeatedPtrField;
}
namespace envoy::config::listener::v3 {
class FilterChain;
}
namespace envoy::config::rbac::v3 {
class RBAC;
}
namespace envoy::extensions::filters::network::http_connection_manager::v3 {
class HttpFilter;
}

// Authorization as Envoy's RBAC filters.
namespace fairway::translate {

using HttpFilters =
    google::protobuf::RepeatedPtrField<envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter>;

// Appends one filter for each of the authorization's, in order, and after those that ask others the one that does.
void addHttpAuthorization(HttpFilters& filters, const model::Authorization& authorization);

// The same for connections. Conditions on requests cannot be seen there: an ALLOW rule that needs one never
// matches; a DENY rule is applied as if the condition held.
void addTcpAuthorization(envoy::config::listener::v3::FilterChain& chain, const model::Authorization& authorization);

// Appends a filter that denies every request; the object's name is the policy in Envoy's response details.
void addRefusal(HttpFilters& filters, const model::Provenance& object);

// Policy name -> object, in filter_metadata["fairway"].rbac: RBAC policies have no metadata of their own.
void describeAuthorization(envoy::config::listener::v3::FilterChain& chain, const model::Authorization& authorization);

// Whether any rule decides by the path of a request.
bool looksAtPath(const model::Authorization& authorization);

std::vector<model::Provenance> provenanceOf(const model::Authorization& authorization);

}  // namespace fairway::translate
