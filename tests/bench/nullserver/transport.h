#pragma once

#include <memory>
#include <string>

#include "recordings.h"

namespace nullserver {

// Serves streams on a free port of 127.0.0.1, on threads of its own, until the process ends: the first request of a type
// gets the recorded responses. The functions that make one throw if they cannot listen.
class Transport {
 public:
  Transport() = default;
  virtual ~Transport() = default;
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  [[nodiscard]] virtual int port() const = 0;
  // One message to all streams, by reference. Used by one thread; may return before it is sent.
  virtual void fanOut(std::string message) = 0;
};

// gRPC's callback API: what Fairway is on.
std::unique_ptr<Transport> serveOnCallbacks(const Recordings<std::string>& recordings);
// gRPC's asynchronous API: a completion queue and a thread a core, which alone touches its streams.
std::unique_ptr<Transport> serveOnQueues(const Recordings<std::string>& recordings);
// HTTP/2 without gRPC, on nghttp2: an epoll loop a core, which alone touches its connections.
std::unique_ptr<Transport> serveOnNghttp2(const Recordings<std::string>& recordings);

}  // namespace nullserver
