#pragma once

#include "normalize/queries.h"

// The mTLS mode of a workload's ports, from both dialects.
namespace fairway::normalize {

PeerAuthenticationOf::Value peerAuthenticationOf(store::View& view, const PeerAuthenticationOf& query);

}  // namespace fairway::normalize
