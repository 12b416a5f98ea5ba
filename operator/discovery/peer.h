#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairway::discovery {

// Who a caller is, as authenticated: a workload's service account.
struct PeerIdentity {
  std::string trustDomain, ns, serviceAccount;
  std::chrono::system_clock::time_point expires = std::chrono::system_clock::time_point::max();

  // spiffe://<trust domain>/ns/<namespace>/sa/<service account>
  [[nodiscard]] std::string toString() const;
  bool operator==(const PeerIdentity&) const = default;
};

// Of a SPIFFE ID of the form above; anything else fails.
Result<PeerIdentity> identityFromSpiffe(std::string_view uri);

// Of a certificate (PEM, the first one counts) that TLS has verified: its one URI SAN, and its end of validity.
Result<PeerIdentity> identityFromCertificate(const std::string& pem);

// The host part of gRPC's peer text: "ipv4:10.0.0.1:4711" -> "10.0.0.1", "ipv6:%5B::1%5D:80" -> "::1",
// "unix:/path" -> "unix".
std::string peerHost(std::string_view peer);

}  // namespace fairway::discovery
