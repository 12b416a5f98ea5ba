#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "agent/secrets.h"
#include "base/result.h"

namespace fairway::agent {

// Serves the workload's secrets to Envoy on a unix socket: envoy.service.secret.v3.SecretDiscoveryService, both
// StreamSecrets and DeltaSecrets. Changed secrets go to every stream that asked for them, at once. Thread-safe.
class SdsServer {
 public:
  struct Stats {
    std::uint64_t streams = 0;   // open now
    std::uint64_t accepted = 0;  // responses that Envoy accepted
    std::uint64_t refused = 0;   // and refused; the reason is logged
  };
  // Listens. The socket has mode 0600; its directory must be private (mode 0700), since the socket's own mode is set
  // only after it exists. A socket that an earlier run left is replaced. Until the first update() nothing is answered.
  static Result<std::unique_ptr<SdsServer>> start(const std::string& socketPath);
  ~SdsServer();  // ends the streams, removes the socket

  void update(const Secrets& secrets);
  [[nodiscard]] Stats stats() const;

 private:
  class Implementation;
  explicit SdsServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace fairway::agent
