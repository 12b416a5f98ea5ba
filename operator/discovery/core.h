#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "discovery/acceptor.h"
#include "discovery/frames.h"
#include "discovery/openings.h"
#include "discovery/server.h"
#include "discovery/set_index.h"
#include "discovery/times.h"
#include "discovery/turns.h"

namespace grpc {
class CallbackGenericService;
}  // namespace grpc

namespace fairway::discovery {

class LoadCall;
class Stream;

struct AtomicTypeCounters {
  std::atomic<std::uint64_t> responses{0}, resources{0}, removals{0}, acks{0}, nacks{0};
};

struct AtomicCounters {
  std::atomic<std::uint64_t> streamsOpened{0}, requests{0}, bytesSent{0}, bytesReceived{0}, unauthenticated{0},
      denied{0}, overLimit{0}, badRequests{0}, unimplemented{0}, expired{0}, timedOut{0}, aged{0}, sentElsewhere{0};
  std::array<AtomicTypeCounters, translate::kTypeCount> types;
};

// One port: a gRPC server of its own, so that what is registered for the secure one is not served on the other.
struct Port {
  Port();
  ~Port();
  std::string address;  // with the chosen port; empty: none
  std::shared_ptr<grpc::ServerCredentials> credentials;
  std::unique_ptr<grpc::CallbackGenericService> service;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> intake;  // of the server
  std::unique_ptr<Acceptor> acceptor;                                      // null for a unix socket
  std::unique_ptr<grpc::Server> server;
};

// What the streams of a server share. Outlives them all: the server ends each before it ends itself.
struct Core {
  Core(ServerOptions options, engine::SnapshotSource& source);
  ~Core();

  // Null with the reason if a limit forbids another stream from this peer.
  std::shared_ptr<Stream> open(const std::string& peer, bool secure, Variant variant, std::string& reason);
  void close(const Stream& stream);
  // It is known who `peer` is: its connection is no stranger's any more.
  void trust(const std::string& peer, bool secure);
  // The caller at a plaintext port has said who it is.
  void introduced(const std::string& peer);
  // Waits until there is no stream, at most so long.
  void waitForNone(std::chrono::milliseconds time);
  [[nodiscard]] std::vector<std::shared_ptr<Stream>> all() const;
  // Calls that are no streams, to be cancelled when the server ends. False: there are too many.
  bool addCall(grpc::CallbackServerContext& context);
  void removeCall(grpc::CallbackServerContext& context);
  void cancelCalls();
  // Proxies' streams of load reports, which are woken with each sweep. False: there are too many.
  bool addLoadCall(const std::shared_ptr<LoadCall>& call);
  void removeLoadCall(const LoadCall* call);
  [[nodiscard]] std::size_t loadCallCount() const;
  // Looks at deadlines until stopSweep().
  void startSweep();
  void stopSweep();

  const ServerOptions options;
  engine::SnapshotSource& source;
  AtomicCounters counters;
  Times times;
  std::atomic<bool> draining{false};  // no new streams
  std::atomic<bool> closing{false};   // shutdown has begun
  Port secure, insecure;
  Frames frames, sotwFrames;
  SetIndexes indexes;
  Openings openings;

 private:
  std::vector<std::shared_ptr<LoadCall>> loadCalls();

  mutable std::mutex mutex_;
  std::condition_variable wake_, empty_;
  bool stopSweep_ = false;
  std::uint64_t lastId_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Stream>> streams_;
  std::map<std::string, std::size_t> perPeer_;
  std::recursive_mutex callsMutex_;  // a call may end, and be removed, within its cancellation
  std::set<grpc::CallbackServerContext*> calls_;
  mutable std::mutex loadCallsMutex_;
  std::map<const LoadCall*, std::weak_ptr<LoadCall>> loadCalls_;
  std::thread sweeper_;

 public:
  // After all else, so that they end first: their jobs refer to it.
  Turns turns;
  Turns admission{1};  // token checks: may block
};

}  // namespace fairway::discovery
