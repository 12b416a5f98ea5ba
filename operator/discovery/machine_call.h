#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "base/machines.h"
#include "discovery/caller.h"
#include "discovery/core.h"

namespace fairway::discovery {

// The stream of an agent whose machine registers itself (discovery/machine_messages.h): the machine is connected as long as it lasts.
// Callers are known by certificate or token, as on a discovery stream; on the plaintext port nobody is, and nobody registers. Whose
// group is another account's or not there is told so and stays: as soon as that changes it is registered. Owned by gRPC until its end,
// and by the core, which wakes it to look at deadlines. Steps run on the core's threads.
class MachineCall final : public grpc::ServerGenericBidiReactor, public std::enable_shared_from_this<MachineCall> {
 public:
  // An agent tells changes of its health: more is no agent.
  static constexpr std::size_t kMostMessages = 150;  // in kWindow
  static constexpr std::chrono::seconds kWindow{60};
  static grpc::ServerGenericBidiReactor* start(Core& core, grpc::GenericCallbackServerContext& context, bool secure);

  // Any thread, often.
  void wake();
  void cancel();

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

 private:
  using Clock = std::chrono::steady_clock;
  MachineCall(Core& core, grpc::GenericCallbackServerContext& context, bool secure);
  void admit();
  void take();
  void look();
  void end(grpc::Status status);
  [[nodiscard]] bool tooMany();

  Core& core_;
  grpc::GenericCallbackServerContext& context_;
  const bool secure_;
  const std::string peer_;
  const Clock::time_point since_;
  std::shared_ptr<MachineCall> self_;
  Credentials credentials_;
  PeerIdentity caller_;
  std::atomic<bool> looking_{false};  // look() is queued
  Clock::time_point window_{};        // of take()
  std::size_t messages_ = 0;          // in it

  std::mutex mutex_;  // of what follows
  std::optional<MachineRegistry::Id> id_;
  std::optional<MachineAnswer> told_;
  bool ended_ = false, done_ = false, writing_ = false;
  grpc::ByteBuffer incoming_, outgoing_;
};

}  // namespace fairway::discovery
