#pragma once

#include "normalize/queries.h"

// What authorises requests to a workload port: the choice between the two dialects.
namespace fairway::normalize {

AuthorizationOf::Value authorizationOf(store::View& view, const AuthorizationOf& query);

}  // namespace fairway::normalize
