#pragma once

#include <memory>
#include <mutex>
#include <string>

#include <openssl/ossl_typ.h>

#include "base/result.h"
#include "kube/kubeconfig.h"

namespace fairway::kube {

// Why the server's certificate was last refused; the HTTP library itself only says that the handshake failed.
class TlsReport {
 public:
  void set(std::string reason);
  std::string take();  // and forgets it

 private:
  std::mutex mutex_;
  std::string reason_;
};

// Sets trust, client certificate and the name to verify for one new connection. Reads the access's files. `host` is
// the server's host name or IPv4 address; access.tlsServerName goes first. With a CA of its own nothing else is
// trusted, not the system's roots either. A refused certificate is explained in `report`.
Result<void> configureTls(SSL_CTX* context, const ClusterAccess& access, const std::string& host,
                          std::shared_ptr<TlsReport> report);

// cpprestsdk has OpenSSL load the system's roots for each new connection, before it asks for our settings: 20 ms and a
// megabyte each. After this call OpenSSL finds none by default, and configureTls() loads them once, where an access
// has no authority of its own. Call it before the first connection, while no other thread reads the environment.
void takeOverSystemRoots();

// Where the system's roots are, whether they were taken over or not.
struct SystemRoots {
  std::string file, directory;
};
const SystemRoots& systemRoots();

// Tries configureTls on a context that is thrown away: finds unreadable files and mismatched keys early.
Result<void> checkTls(const ClusterAccess& access, const std::string& host);

}  // namespace fairway::kube
