#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "discovery/caller.h"
#include "discovery/client_status.h"
#include "discovery/core.h"

namespace fairway::discovery {

// A call of ClientStatusDiscoveryService: what connected clients were sent, and what they said to it. On the plaintext port,
// which is local, a caller sees all clients; on the secure one those with its own identity, and all if it is one of
// ServerOptions::statusReaders. Owns itself until the end of the call; steps run on the core's threads, one at a time.
class StatusCall final : public grpc::ServerGenericBidiReactor {
 public:
  static constexpr std::string_view kService = "/envoy.service.status.v3.ClientStatusDiscoveryService/";
  // `method` without the service; null if there is none of that name.
  static grpc::ServerGenericBidiReactor* start(Core& core, grpc::GenericCallbackServerContext& context, bool secure,
                                               std::string_view method);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  StatusCall(Core& core, grpc::GenericCallbackServerContext& context, bool secure, bool streaming);
  void admit();
  void answer();
  [[nodiscard]] std::vector<ClientView> visible() const;

  Core& core_;
  grpc::GenericCallbackServerContext& context_;
  const bool secure_, streaming_;
  Credentials credentials_;
  PeerIdentity caller_;  // secure only
  bool reader_ = false;  // sees every client
  grpc::ByteBuffer incoming_, outgoing_;
};

}  // namespace fairway::discovery
