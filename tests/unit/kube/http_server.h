#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <openssl/ossl_typ.h>

namespace fairway::kube::test {

struct Request {
  std::string method, path, query, body;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string clientCertificate;               // subject, empty without one

  // The value of a query parameter, decoded; empty when it is not there.
  std::string parameter(const std::string& name) const;
};

// The server's end of one request.
class Reply {
 public:
  Reply(int socket, SSL* tls, const std::atomic<bool>& stopping) : socket_(socket), tls_(tls), stopping_(stopping) {}

  void send(const std::string& bytes);
  // A whole answer with Content-Length.
  void answer(int status, const std::string& body);
  void beginChunks();
  void chunk(const std::string& bytes);
  void endChunks() { send("0\r\n\r\n"); }
  // Returns when the client has closed the connection, or the server stops.
  void waitForClose();
  // The connection ends after this request.
  void close() { closed_ = true; }
  bool closed() const { return closed_; }

 private:
  int socket_;
  SSL* tls_;
  const std::atomic<bool>& stopping_;
  bool closed_ = false;
};

struct ServerTls {
  std::string certificatePem, keyPem;
  std::string clientCaPem;  // asks for client certificates when set
};

// A small HTTP/1.1 server on 127.0.0.1 with a free port; one thread per connection. The handler runs on these.
class HttpServer {
 public:
  using Handler = std::function<void(const Request&, Reply&)>;
  explicit HttpServer(Handler handler, const ServerTls& tls = {});
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const { return port_; }
  std::string url() const;
  // Requests served so far.
  int requests() const { return requests_; }

 private:
  void acceptLoop();
  void serve(int socket);

  Handler handler_;
  SSL_CTX* context_ = nullptr;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> requests_ = 0;
  std::mutex mutex_;
  std::vector<int> sockets_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// A certificate and its key, both PEM.
struct Issued {
  std::string certificatePem, keyPem;
};
// A self-made CA. `name` is its common name.
Issued makeCa(const std::string& name);
// A certificate signed by `ca`. `san` in OpenSSL's syntax ("DNS:a.example,IP:127.0.0.1"), empty for none.
Issued issue(const Issued& ca, const std::string& name, const std::string& san);

}  // namespace fairway::kube::test
