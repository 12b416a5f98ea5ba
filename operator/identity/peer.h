#pragma once

#include "identity/pki.h"
#include "identity/spiffe.h"
#include "identity/trust.h"

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
// The identity that a certificate (PEM) proves: with the chain it leads to one of the roots, is not revoked (nor is what is
// above it) and is valid at `now`, has exactly one URI name, and that is a SPIFFE ID of the trust domain. Holds whatever
// the server's handshake settings were, and also for a certificate that has expired since the handshake.
Result<Peer> verifiedPeer(const std::string& certificate, const std::string& chain, const Trust& trust,
                          const std::string& trustDomain, Time now);

// PEM of the peer's certificate and of what it sent with it; empty: none.
std::string peerCertificate(const grpc::AuthContext& context);
std::string peerChain(const grpc::AuthContext& context);

}  // namespace fairway::identity
