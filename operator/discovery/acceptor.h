#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "discovery/gate.h"

namespace fairway::discovery {

// Listens for TCP connections and hands them on, as a Gate lets them in. It keeps a second descriptor of each, by which it
// sees how much has come from a stranger and when a connection has ended, and can end it. Has a thread that watches and one
// that hands on: who takes a connection may read from it at once, for as long as something comes. Public functions are
// thread-safe.
class Acceptor {
 public:
  // Takes a connection over. `listener` is the socket it came by.
  using Serve = std::function<void(int listener, int connection)>;

  // Binds all addresses of the host, every interface if there is none; port 0 picks a free one, the same for all.
  static Result<std::unique_ptr<Acceptor>> bind(const Address& address, GateLimits limits);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Connections are taken from now on.
  void start(Serve serve);
  // Takes no more; those that are served stay.
  void stop();
  // The caller at `peer` (gRPC's text: "ipv4:10.0.0.1:4711") is known.
  void trust(const std::string& peer);
  // It has made a call, and will say who it is in a message: which may be long, as it says all that a client has. So it is
  // trusted for now; who makes several calls and never comes to the message is not a client.
  void call(const std::string& peer);
  void introduced(const std::string& peer);

  [[nodiscard]] std::uint16_t port() const { return port_; }
  // Connections that were closed before anybody was known at their end, since the start.
  [[nodiscard]] std::uint64_t cut() const { return cut_; }

 private:
  struct Connection {
    int fd = -1;  // the second descriptor; of one that waits, the only one
    int listener = -1;
    std::string peer;  // as in trust()
    bool inside = false, trusted = false;
    int calls = 0;  // without a message yet
  };

  Acceptor(std::vector<int> listeners, std::uint16_t port, GateLimits limits);
  void run();
  void handOn();
  void accept(int listener);
  void admit(Gate::Time now);
  void received(Gate::Id id, std::uint32_t events, Gate::Time now);
  void trust(Gate::Id id);
  void abort(Gate::Id id);
  void forget(Gate::Id id);

  const std::uint16_t port_;
  const int epoll_, wake_;
  Serve serve_;
  std::atomic<bool> ended_{false};
  std::atomic<std::uint64_t> cut_{0};
  std::mutex mutex_;  // of what follows
  std::vector<int> listeners_;
  Gate gate_;
  Gate::Id next_;
  std::map<Gate::Id, Connection> connections_;
  std::map<std::string, Gate::Id> byPeer_;
  std::deque<std::pair<int, int>> admitted_;  // listener and connection, to be handed on
  std::condition_variable handed_;
  std::thread watcher_, hand_;
};

}  // namespace fairway::discovery
