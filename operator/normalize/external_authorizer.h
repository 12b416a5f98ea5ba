#pragma once

#include <optional>

#include "api/security.h"
#include "model/security.h"
#include "store/view.h"

namespace fairway::normalize {

// Who decides for a policy with action CUSTOM, by the mesh's extensionProviders. Nothing, with a note to the policy's author,
// if there is no such provider, its service is not in the registry, or (`http` false) it cannot be asked about
// connections: HTTP services decide on requests alone.
std::optional<model::ExternalAuthorizer> externalAuthorizer(store::View& view, const api::AuthorizationPolicy& policy,
                                                            bool http);

}  // namespace fairway::normalize
