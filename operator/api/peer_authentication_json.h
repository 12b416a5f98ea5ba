#pragma once

#include "api/decoder.h"
#include "api/security.h"

namespace fairway::api {

// Reads and checks the `spec` of a security.istio.io PeerAuthentication. A mode that cannot be read is STRICT.
void readSpec(const Value& spec, const ObjectMeta& meta, PeerAuthenticationSpec& out);

}  // namespace fairway::api
