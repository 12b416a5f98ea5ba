#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "intercept/options.h"

// The nat rules, as texts: what iptables-save printed goes in, what iptables-restore takes comes out. No IO.
namespace fairway::intercept {

// Input of `iptables-restore --noflush` (ip6tables-restore for v6) that brings the nat table to the options' rules,
// whatever an earlier run left there. `existing` is what `iptables-save -t nat` printed; may be empty. Rules of others
// are kept, in their places.
//
// The chains have Istio's names:
//   ISTIO_INBOUND      decides on connections to the app: from PREROUTING, and from ISTIO_OUTPUT those that the proxy
//                      makes to its own pod, which so are treated as if they came from elsewhere
//   ISTIO_IN_REDIRECT  to Envoy's inbound port
//   ISTIO_OUTPUT       decides on connections that the pod makes
//   ISTIO_REDIRECT     to Envoy's outbound port
// Only TCP is looked at: DNS over UDP, ICMP and the rest are as without a mesh.
std::string addRules(const InterceptOptions& options, Family family, std::string_view existing);

// Input that takes away all that addRules() ever adds; empty if there is nothing of it.
std::string removeRules(std::string_view existing);

// The nat rules of others ("-A PREROUTING ..."), in their order.
std::vector<std::string> foreignRules(std::string_view existing);

}  // namespace fairway::intercept
