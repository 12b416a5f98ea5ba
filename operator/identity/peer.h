#pragma once

#include "identity/pki.h"
#include "identity/spiffe.h"

namespace grpc {
class AuthContext;
}

namespace fairway::identity {

// Who is at the other end of a TLS connection, by its certificate.
struct Peer {
  SpiffeId id;
  Time expires;  // of its certificate: a stream must not live longer
};

// True if the connection is TLS.
bool isTls(const grpc::AuthContext& context);
// True if the peer showed a certificate, verified or not.
bool hasPeerCertificate(const grpc::AuthContext& context);
// The peer's identity: its certificate leads to one of the roots and is valid at `now`, has exactly one URI name, and
// that is a SPIFFE ID of the trust domain. Holds whatever the server's handshake settings were, and also for a
// certificate that has expired since the handshake.
Result<Peer> verifiedPeer(const grpc::AuthContext& context, const std::vector<Certificate>& roots,
                          const std::string& trustDomain, Time now);

}  // namespace fairway::identity
