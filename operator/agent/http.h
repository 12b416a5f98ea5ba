#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/address.h"
#include "base/result.h"

// The little HTTP the agent speaks: asking Envoy's admin port, and answering probes.
namespace fairway::agent {

struct HttpReply {
  unsigned status = 0;
  std::string body;
};

// One request over a new connection, all within `timeout`; bodies above 1 MB fail.
Result<HttpReply> httpRequest(const Address& address, const std::string& method, const std::string& target,
                              std::chrono::milliseconds timeout);

// Answers GET requests in one thread. Requests have at most 8 KB, 5 s and 32 connections at once; more are closed.
class HttpServer {
 public:
  // Called with the request's path (without query), in the server's thread.
  using Handler = std::function<HttpReply(const std::string& path)>;
  static Result<std::unique_ptr<HttpServer>> start(const Address& address, Handler handler);
  ~HttpServer();  // closes everything

  // With the port that was picked.
  [[nodiscard]] const Address& address() const;

 private:
  class Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace fairway::agent
