#pragma once

#include <string>

#include "model/security.h"
#include "translate/rbac.h"

// Requests that others decide on, as Envoy's ext_authz filters.
namespace fairway::translate {

// The prefix of what the RBAC filter before it leaves in the metadata: "<prefix>shadow_engine_result".
std::string externalPrefix(const model::ExternalAuthorizer& authorizer);

// Appends the filter. It asks where the RBAC filter's shadow rules matched.
void addHttpAuthorizer(HttpFilters& filters, const model::ExternalAuthorizer& authorizer);
void addTcpAuthorizer(envoy::config::listener::v3::FilterChain& chain, const model::ExternalAuthorizer& authorizer);

}  // namespace fairway::translate
