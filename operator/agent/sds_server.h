#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "agent/secrets.h"
#include "base/result.h"

namespace fairway::agent {

// What Envoy asks the agent for on a unix socket: the workload's secrets (envoy.service.secret.v3.SecretDiscoveryService, both
// StreamSecrets and DeltaSecrets; changed secrets go to every stream that asked for them, at once), and somebody who takes its
// access logs (envoy.service.accesslog.v3.AccessLogService). Thread-safe.
class SdsServer {
 public:
  struct Stats {
    std::uint64_t streams = 0;   // open now
    std::uint64_t accepted = 0;  // responses that Envoy accepted
    std::uint64_t refused = 0;   // and refused; the reason is logged
  };
  // Takes a serialized StreamAccessLogsMessage, on gRPC's threads; false: it is none, and the stream ends.
  using AccessLogs = std::function<bool(const std::string& message)>;
  // Listens. The socket has mode 0600; its directory must be private (mode 0700), since the socket's own mode is set
  // only after it exists. A socket that an earlier run left is replaced. Until the first update() nothing is answered.
  static Result<std::unique_ptr<SdsServer>> start(const std::string& socketPath, AccessLogs accessLogs = {});
  ~SdsServer();  // ends the streams, removes the socket

  void update(const Secrets& secrets);
  [[nodiscard]] Stats stats() const;

 private:
  class Implementation;
  explicit SdsServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace fairway::agent
