#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "http2.h"
#include "messages.h"
#include "registry.h"

namespace loadgen {

// A proxy as the control plane sees it: asks for clusters and listeners, then for the endpoints, routes and virtual
// hosts that these refer to, acknowledges every response, and comes back with the versions it holds. Unlike Envoy it
// asks for listeners at once, not after its clusters are warm, and acknowledges clusters at once: the server may not
// rely on either, and both need no waiting here.
//
// Owned by main, used by one thread.
class Proxy {
 public:
  struct Options {
    bool sotw = false;
    std::string record;  // file for the first stream's responses; empty: none
  };

  Proxy(Registry& registry, const NodeSpec& node, std::uint32_t source, bool sample, const Options& options);

  // A new stream to the port; what is held stays. False: see why().
  bool connect(std::uint16_t port);
  // From the poll. False: the stream has ended; why() says how. `seen` is called with type and bytes of each response.
  using Seen = std::function<void(Type, std::string_view)>;
  bool ready(std::uint32_t events, const Seen& seen);
  void disconnect() { stream_.reset(); }

  [[nodiscard]] GrpcStream* stream() const { return stream_.get(); }
  [[nodiscard]] const std::string& why() const { return why_; }
  // Has everything that what it has refers to, and an answer to each first request of this stream.
  [[nodiscard]] bool complete() const;

  [[nodiscard]] bool sample() const { return sample_; }
  [[nodiscard]] std::size_t count(Type type) const { return of(type).count; }
  // Hash over names and versions held.
  [[nodiscard]] std::uint64_t digest(Type type) const;

  // Of this stream.
  std::int64_t lastResponse = 0;  // CLOCK_MONOTONIC, nanoseconds
  std::uint64_t bytes = 0;        // of gRPC messages received
  std::uint64_t responses = 0;
  std::uint64_t streams = 0;  // opened since the start
  std::uint32_t polled = 0;   // events the poll is set to

 private:
  struct Held {
    std::vector<Number> versions;          // by name; kNone: not held, kAbsent: told that it does not exist
    std::vector<std::uint16_t> referred;   // by name: how many held resources refer to it
    std::vector<bool> asked;               // by name: subscribed to
    std::vector<Number> touched;           // names whose `referred` changed in the response at hand
    std::size_t count = 0, missing = 0;    // held; asked for and not answered
    bool begun = false, answered = false;  // on this stream
    std::string version, nonce;            // sotw: of the last response
  };
  static constexpr Number kAbsent = ~Number{0};

  Held& of(Type type) { return held_[static_cast<std::size_t>(type)]; }
  [[nodiscard]] const Held& of(Type type) const { return held_[static_cast<std::size_t>(type)]; }
  void begin(Type type);
  void sendSubscription(Type type, const std::vector<Number>& add, const std::vector<Number>& remove);
  void onMessage(std::string_view message, const Seen& seen);
  void apply(Type type, const Response& response);
  void applySotwRemovals(Type type, const Response& response);
  void set(Type type, Number name, Number version);
  void refer(Type type, Number name, Number version, int by);
  void follow(Type type);
  void acknowledge(Type type, const Response& response);
  std::string takeNode();

  Registry& registry_;
  const std::string node_;
  const std::uint32_t source_;
  const bool sample_;
  const Options options_;
  std::unique_ptr<GrpcStream> stream_;
  std::string why_;
  bool nodeSent_ = false;
  std::array<Held, kTypes> held_;
  int tables_ = 0;  // route configurations held that ask for virtual hosts
};

}  // namespace loadgen
