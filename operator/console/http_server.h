#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace fairway::console {

struct Request {
  std::string method;                        // "GET"
  std::string path;                          // as sent, without the query
  std::map<std::string, std::string> query;  // percent-decoded; the last of repeated keys
  std::string body;
  std::string accept, host;   // the headers of these names; empty: none
  std::string peer;           // "ip:port"
  bool fromLoopback = false;  // the peer's address is 127.0.0.0/8 or ::1
};

struct Response {
  int status = 200;
  std::string contentType = "text/plain; charset=utf-8";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers{};  // further ones

  static Response text(int status, std::string body) { return {status, "text/plain; charset=utf-8", std::move(body)}; }
  static Response json(std::string body) { return {200, "application/json", std::move(body)}; }
  static Response html(std::string body) { return {200, "text/html; charset=utf-8", std::move(body)}; }
};

// A small HTTP/1.1 server (Boost.Beast) for a few operators' requests a second: bounded headers, bodies,
// connections and times, one thread. Handlers run on that thread, those that may block on threads of their own.
class HttpServer {
 public:
  struct Options {
    Address address;
    std::size_t maxBody = 64 * 1024;
    std::size_t maxHeader = 16 * 1024;
    std::size_t maxConnections = 128;  // of more, the oldest of the address with the most is closed
    int timeoutSeconds = 30;           // for reading one request, and for writing its answer
    // With both set the server speaks TLS only, 1.2 or later; the files are read again for each
    // connection when they have changed.
    std::string certificateFile, keyFile;
    // Requests whose handler may block, and how many are handled at a time; the others wait. Null: none blocks.
    std::function<bool(const Request&)> blocks{};
    std::size_t workers = 4;
  };
  using Handler = std::function<Response(const Request&)>;

  static Result<std::unique_ptr<HttpServer>> start(Options options, Handler handler);
  ~HttpServer();
  // The address with the port that was chosen.
  [[nodiscard]] Address address() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fairway::console
