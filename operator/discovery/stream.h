#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/grpcpp.h>

#include "discovery/caller.h"
#include "discovery/core.h"
#include "discovery/lag.h"
#include "discovery/sotw_state.h"
#include "discovery/stream_state.h"

namespace fairway::discovery {

// One ADS stream: its caller, its gRPC call, its StreamState.
//
// gRPC's reactions, the engine and the sweep only set flags and schedule a turn. A turn runs on one of the core's
// threads, one at a time per stream: it takes at most one request in and puts at most one response out. Only turns, and
// the first read the admission, start operations of the call; Finish is the last of them.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(Core& core, std::uint64_t id, std::string peer, bool secure, Variant variant);

  // The call, owned by gRPC until its end. `context` is read here and lives as long as the call.
  grpc::ServerGenericBidiReactor* attach(grpc::CallbackServerContext& context);
  // Ends the stream once no write is under way. The first status given counts.
  void end(grpc::Status status);
  // Ends the stream at a time, with status UNAVAILABLE. False if it ends already, or is to by an earlier call.
  bool retire(std::chrono::steady_clock::time_point at, std::string why);
  void sweep();

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] const std::string& peer() const { return peer_; }
  [[nodiscard]] StreamInfo describe(bool withResources) const;
  [[nodiscard]] StreamFacts facts() const;
  // Nothing before the first good request, and after the end.
  [[nodiscard]] std::optional<engine::ProxyProgress> progress() const;
  [[nodiscard]] std::string proxyId() const;
  // False for an agent that asks for its proxy's bootstrap (translate::Proxy::bootstrap).
  [[nodiscard]] bool isProxy() const;
  [[nodiscard]] engine::SnapshotPtr snapshot() const;
  [[nodiscard]] ClientView view() const;

 private:
  class Reactor;
  enum class Turn { idle, queued, running, again };
  // The stream's place in the core's openings. outside: it waits for one, and is not read. entered: it has one, and is to
  // be read. inside: it is read. waiting: it waits itself, for its first snapshot.
  enum class Opening { none, outside, entered, inside, waiting };

  void schedule();
  void turn();
  void changed(const engine::ProxySnapshot& now);
  void measureQueue();
  void measureLag();
  void work(std::optional<Report>& report);
  void authenticate();
  void admit(Result<PeerIdentity> identity);
  bool letIn();
  void wait();
  void waitedFor();
  void leaveOpening();
  std::optional<Report> onRequest();
  std::optional<Report> answer(const Request& request);
  bool connect(const Node& node);
  void writeNext();
  bool encodeNext();

  using Steady = std::chrono::steady_clock;

  Core& core_;
  const std::uint64_t id_;
  const std::string peer_;
  const bool secure_;
  const std::chrono::system_clock::time_point since_ = std::chrono::system_clock::now();
  const Steady::time_point opened_ = Steady::now();

  // What reactions and the sweep touch; never held for long.
  mutable std::mutex flagsMutex_;
  Turn turn_ = Turn::idle;
  bool readReady_ = false, writing_ = false, writeDone_ = false, cut_ = false;
  bool served_ = false;  // the first good request came
  Opening opening_ = Opening::none;
  Steady::time_point asked_ = opened_;  // from when the client has time for its first request
  std::optional<std::chrono::system_clock::time_point> expires_;
  std::optional<grpc::Status> ending_;
  Steady::time_point endingSince_;
  std::optional<Steady::time_point> retireAt_, oldAt_;
  std::string retireWhy_;
  Lag lag_;
  std::uint64_t measured_ = 0;                   // the generation up to which lag_ was looked at
  std::optional<Steady::time_point> changedAt_;  // from when a snapshot waits for a turn to look at it
  Steady::time_point writingSince_;

  // What turns and listings touch.
  mutable std::mutex stateMutex_;
  Reactor* reactor_ = nullptr;  // valid until finished_
  grpc::CallbackServerContext* context_ = nullptr;
  grpc::ByteBuffer incoming_, outgoing_;
  Credentials credentials_;  // of the call, until looked at
  bool begun_ = false, finished_ = false;
  std::optional<PeerIdentity> identity_;
  std::optional<translate::Proxy> proxy_;
  std::string nodeId_, clusterId_, agentVersion_;
  std::optional<engine::SnapshotSource::Id> connection_;
  bool waiting_ = false;  // incoming_ is the first request, kept as it came until there is a snapshot
  StreamState state_;
  std::optional<SotwState> sotw_;  // around state_, where the client speaks that
};

}  // namespace fairway::discovery
