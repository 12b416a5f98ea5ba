#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/http_client.h"
#include "base/address.h"
#include "base/result.h"

namespace fairway::agent {

// What is asked of the agent.
struct HttpCall {
  std::string method;  // GET or POST
  std::string path, query;
  std::map<std::string, std::string> headers;  // names in lower case
  bool fromPod = false;                        // it comes from 127.0.0.1 or ::1
};

// Answers GET and POST requests, bodies unread. A request has 8 KB and 5 s to come in; answers are made in threads of
// their own, so that slow ones do not keep others waiting, up to `threads`.
class HttpServer {
 public:
  struct Options {
    Address address;  // an IP address, "localhost", none for all interfaces (IPv6 too), or a unix socket (mode 0600)
    unsigned threads = 2;
    unsigned connections = 64;  // at once; more are closed
  };
  using Handler = std::function<HttpReply(const HttpCall&)>;
  static Result<std::unique_ptr<HttpServer>> start(Options options, Handler handler);
  ~HttpServer();  // waits for handlers that run

  // With the port that was picked.
  [[nodiscard]] const Address& address() const;

 private:
  class Implementation;
  explicit HttpServer(std::unique_ptr<Implementation> implementation);
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace fairway::agent
