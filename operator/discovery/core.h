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
class MachineCall;
class Stream;

// Calls that last, to be woken with each sweep and cancelled when the server ends. Thread-safe.
template <class Call>
class CallSet {
 public:
  // False: there are so many already, or it is `closing`: then all() was, or is yet to be, cancelled.
  bool add(const std::shared_ptr<Call>& call, std::size_t most, const std::atomic<bool>& closing) {
    const std::lock_guard lock(mutex_);
    if (closing || calls_.size() >= most) return false;
    calls_.emplace(call.get(), call);
    return true;
  }
  void remove(const Call* call) {
    const std::lock_guard lock(mutex_);
    calls_.erase(call);
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return calls_.size();
  }
  [[nodiscard]] std::vector<std::shared_ptr<Call>> all() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Call>> result;
    for (const auto& [pointer, call] : calls_) {
      if (auto alive = call.lock()) result.push_back(std::move(alive));
    }
    return result;
  }

 private:
  mutable std::mutex mutex_;
  std::map<const Call*, std::weak_ptr<Call>> calls_;
};

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
  CallSet<LoadCall> loadCalls;        // proxies' streams of load reports
  CallSet<MachineCall> machineCalls;  // of agents outside the cluster

 private:
  mutable std::mutex mutex_;
  std::condition_variable wake_, empty_;
  bool stopSweep_ = false;
  std::uint64_t lastId_ = 0;
  std::map<std::uint64_t, std::shared_ptr<Stream>> streams_;
  std::map<std::string, std::size_t> perPeer_;
  std::recursive_mutex callsMutex_;  // a call may end, and be removed, within its cancellation
  std::set<grpc::CallbackServerContext*> calls_;
  std::thread sweeper_;

 public:
  // After all else, so that they end first: their jobs refer to it.
  Turns turns;
  Turns admission{1};  // token checks: may block
};

}  // namespace fairway::discovery
