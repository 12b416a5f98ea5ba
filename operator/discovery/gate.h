#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace fairway::discovery {

// What connections may cost before it is known who is at their other end. gRPC 1.51 bounds neither their number nor how
// many streams are opened and reset, nor the headers of one (CVE-2023-32731, -33953, -44487): each byte from outside can
// cost it some hundred bytes of memory. So bytes are what is counted.
struct GateLimits {
  std::size_t connectionBytes = 96 << 10;     // of one: a handshake, and what HTTP/2 lets a client send unread
  double peerBytes = 256 << 10;               // of one address at once
  double peerBytesPerSecond = 64 << 10;       // and on average
  double perConnection = 4 << 10;             // that each counts for, besides what it sends
  std::size_t peerStrangers = 8;              // connections of one address that are let in at a time
  std::size_t strangers = 64;                 // of all
  std::size_t peerWaiting = 256;              // of one address, for that
  std::size_t waiting = 2048;                 // of all
  std::chrono::milliseconds patience{1'000};  // a stranger's time, while others wait for its place
  std::chrono::milliseconds age{15'000};      // and at the most; also that of one who waits
};

// Decides which connections are served while it is not known who they are: strangers. Once a caller is known
// (trust()), its connection counts no more, and neither does what came before. Addresses take turns. No IO, no locks: time
// comes as an argument, ids are the caller's.
class Gate {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Id = std::uint64_t;

  explicit Gate(GateLimits limits = {}) : limits_(limits) {}

  // A new connection of an address; ids are never used again. False: it is to be closed. True: it waits for admit().
  bool arrive(Id id, const std::string& peer, Time now);
  // Those that are let in now.
  std::vector<Id> admit(Time now);
  // What a connection has sent so far, in all. False: too much, it is to be closed.
  bool sent(Id id, std::uint64_t bytes, Time now);
  void trust(Id id);
  void gone(Id id);
  // Those that are to be closed for their age. They count until gone().
  std::vector<Id> overdue(Time now) const;

  [[nodiscard]] std::size_t strangers() const { return inside_; }
  [[nodiscard]] std::size_t waiting() const { return waiting_; }

 private:
  struct Peer {
    double bytes = 0;  // that may come; below 0: too many came
    Time at;
    std::size_t inside = 0;
    std::deque<Id> line;
  };
  struct Connection {
    std::string peer;
    Time since;  // when it came, or was let in
    bool inside = false;
    double charged = 0;
  };

  void refill(Peer& peer, Time now) const;
  void forgetFull(Time now);

  const GateLimits limits_;
  std::map<std::string, Peer> peers_;
  std::map<Id, Connection> connections_;  // of strangers
  std::size_t inside_ = 0, waiting_ = 0;
  std::string last_;  // the address that was let in last
};

}  // namespace fairway::discovery
