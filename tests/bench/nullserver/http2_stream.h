#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "recordings.h"

namespace nullserver {

using SharedMessage = std::shared_ptr<const std::string>;

// One call: gRPC's length-prefixed messages (its PROTOCOL-HTTP2.md) out of DATA's bytes and into them.
class Http2Stream {
 public:
  explicit Http2Stream(const Recordings<SharedMessage>& recordings) : outbox_(recordings) {}

  // Bytes as they come. False: a compressed message or one of more than 4 MiB, gRPC's own limit.
  [[nodiscard]] bool read(std::string_view data);
  [[nodiscard]] bool push(const SharedMessage& message) { return outbox_.push(message); }

  // Bytes of the message under way, its prefix included, that are still to be sent; the next message's after it; 0: none.
  std::size_t left();
  // Takes that many of them, at most what is left: those of the prefix as a copy, those of the message by reference.
  struct Part {
    std::string prefix;
    SharedMessage message;
    std::string_view body;
  };
  Part take(std::size_t size);

  bool waiting = true;  // nghttp2 was told that there is nothing, and does not ask by itself
  bool ended = false;   // the peer has said all it will

 private:
  Outbox<SharedMessage> outbox_;
  std::string request_;     // with its prefix
  std::size_t wanted_ = 5;  // bytes of it
  SharedMessage sending_;
  std::size_t sent_ = 0;
};

}  // namespace nullserver
