#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/secrets.h"

namespace fairway::agent {

// The secrets of one moment, encoded, with content versions: what all sessions share.
struct SecretSnapshot {
  struct Entry {
    std::string version;  // of the content; says nothing about the key
    std::string any;      // serialized google.protobuf.Any of envoy.extensions.transport_sockets.tls.v3.Secret
  };
  std::map<std::string, Entry> entries;  // by secret name: "default", "ROOTCA", "discovery-roots"
};
using SecretSnapshotPtr = std::shared_ptr<const SecretSnapshot>;

SecretSnapshotPtr makeSnapshot(const Secrets& secrets);

// The protocol side of one SDS stream, without any transport: requests and snapshots in, at most one response out.
// Messages are serialized envoy.service.discovery.v3 messages. Not thread-safe.
class SdsSession {
 public:
  // What the client said about a response.
  struct Report {
    bool accepted = true;
    std::string error;  // Envoy's words
  };
  virtual ~SdsSession() = default;

  // False: the request cannot be read, or asks for more than 32 names: the stream should end.
  [[nodiscard]] virtual bool receive(const std::string& request, std::optional<Report>& report) = 0;
  // The response that is due, if any; the session counts it as sent. Null snapshot: there are no secrets yet, and
  // nothing is due.
  [[nodiscard]] virtual std::optional<std::string> next(const SecretSnapshotPtr& snapshot) = 0;

  static std::unique_ptr<SdsSession> stateOfTheWorld();
  static std::unique_ptr<SdsSession> delta();
};

}  // namespace fairway::agent
