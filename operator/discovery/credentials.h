#pragma once

#include <memory>
#include <string>

#include <grpcpp/security/server_credentials.h>

#include "base/result.h"

namespace fairway::discovery {

// PEM files that whoever renews them replaces (by rename).
struct ServerTls {
  std::string certificateFile;  // chain, the server's own certificate first
  std::string keyFile;
  std::string rootFile;  // trust bundle that client certificates are verified with
  bool operator==(const ServerTls&) const = default;
};

// TLS that asks for a client certificate, takes none for an answer, and verifies what it gets. Before each handshake
// the files are looked at again; changed files count from then on, if they can be read and certificate and key belong
// together, else the last good ones stay in use and a warning is logged. Failure: no good files to begin with.
Result<std::shared_ptr<grpc::ServerCredentials>> tlsServerCredentials(const ServerTls& files);

}  // namespace fairway::discovery
