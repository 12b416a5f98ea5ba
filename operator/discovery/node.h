#pragma once

#include "base/result.h"
#include "discovery/messages.h"
#include "discovery/peer.h"
#include "translate/units.h"

namespace fairway::discovery {

// The proxy that a Node describes: its id, "sidecar~<ip>~<pod>.<ns>~<dns domain>" ("router~..." for gateways, "ratelimit~..." for
// the rate limit service), and its
// metadata: NAME, NAMESPACE, SERVICE_ACCOUNT, LABELS, INSTANCE_IPS (by commas), INTERCEPTION_MODE (REDIRECT or NONE;
// TPROXY is taken for REDIRECT), UNPRIVILEGED_POD ("true"), FAIRWAY_OUTBOUND_ADDRESS, FAIRWAY_APP_ADDRESS,
// FAIRWAY_GATEWAY_TOPOLOGY (toText), FAIRWAY_BOOTSTRAP ("true": it is the agent that asks). The fields
// are claims: checkClaims() holds them against who the caller is. Failure: id or a field is malformed, or they disagree.
Result<translate::Proxy> proxyFromNode(const Node& node);

// Namespace and service account of the proxy must be the identity's.
Result<void> checkClaims(const translate::Proxy& proxy, const PeerIdentity& identity);

// "<pod>.<ns>", by which listings and people name a proxy.
std::string proxyId(const translate::Proxy& proxy);

}  // namespace fairway::discovery
