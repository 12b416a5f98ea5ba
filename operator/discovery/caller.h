#pragma once

#include <string>

#include "base/result.h"
#include "discovery/peer.h"

namespace grpc {
class CallbackServerContext;
}

namespace fairway::discovery {

struct ServerOptions;

// What a caller on the secure port presents.
struct Credentials {
  std::string certificate;  // PEM, verified by TLS; empty: none
  std::string token;        // of "authorization: Bearer ..."; empty: none
};

Credentials credentialsOf(const grpc::CallbackServerContext& context);

// Whether identify() has to ask somebody about the token: not to be called where nothing may block.
bool mayBlock(const ServerOptions& options, const Credentials& credentials);

// Who calls: by certificate, else by token. Failure: neither proves a workload of this trust domain whose credentials have
// not expired.
Result<PeerIdentity> identify(const ServerOptions& options, const Credentials& credentials);

}  // namespace fairway::discovery
