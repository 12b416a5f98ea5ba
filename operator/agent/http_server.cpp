#include "agent/http_server.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "agent/log.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
// One kind of stream for TCP and unix sockets.
using Protocol = asio::generic::stream_protocol;
using Stream = beast::basic_stream<Protocol>;
using Acceptor = asio::basic_socket_acceptor<Protocol>;
using ErrorCode = boost::system::error_code;

constexpr std::uint32_t kMaxHeaderBytes = 8 * 1024;
constexpr std::chrono::seconds kRequestTime{5};
constexpr std::chrono::seconds kAnswerTime{30};  // to write it: merged metrics may be large

struct Session {
  Session(Protocol::socket socket, std::shared_ptr<std::atomic<unsigned>> count)
      : stream(std::move(socket)), open(std::move(count)) {
    ++*open;
  }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session() { --*open; }
  Stream stream;
  std::shared_ptr<std::atomic<unsigned>> open;
  beast::flat_buffer buffer{kMaxHeaderBytes};
  http::request_parser<http::empty_body> parser;
  http::response<http::string_body> response;
};

HttpCall callOf(const http::request<http::empty_body>& request) {
  HttpCall call;
  call.method = std::string(request.method_string());
  const std::string target(request.target());
  const auto question = target.find('?');
  call.path = target.substr(0, question);
  if (question != std::string::npos) call.query = target.substr(question + 1);
  for (const auto& field : request) {
    call.headers[toLower(std::string(field.name_string()))] = std::string(field.value());
  }
  return call;
}

// Only the addresses that nothing else uses: 127.0.0.6 is Envoy's, for connections of others.
bool isFromPod(const Protocol::endpoint& peer) {
  if (peer.protocol().family() != AF_INET && peer.protocol().family() != AF_INET6) return false;
  tcp::endpoint endpoint;
  std::memcpy(endpoint.data(), peer.data(), std::min(peer.size(), endpoint.capacity()));
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  }
  return address == asio::ip::address_v4::loopback() || address == asio::ip::address_v6::loopback();
}

}  // namespace

class HttpServer::Implementation {
 public:
  Implementation(Options options, Handler handler)
      : options_(std::move(options)), handler_(std::move(handler)), pool_(options_.threads) {}
  ~Implementation() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
    pool_.stop();
    pool_.join();
    if (options_.address.isUnix()) ::unlink(options_.address.unixPath.c_str());
  }

  Result<void> listen() {
    auto& address = options_.address;
    ErrorCode error;
    if (address.isUnix()) {
      ::unlink(address.unixPath.c_str());
      bind(asio::local::stream_protocol::endpoint(address.unixPath), error);
      if (!error && ::chmod(address.unixPath.c_str(), 0600) != 0) error = {errno, boost::system::system_category()};
    } else if (address.host.empty()) {
      bind(tcp::endpoint(tcp::v6(), address.port), error);
      if (error) bind(tcp::endpoint(tcp::v4(), address.port), error);  // a kernel without IPv6
    } else {
      const auto ip = address.host == "localhost" ? asio::ip::address(asio::ip::address_v4::loopback())
                                                  : asio::ip::make_address(address.host, error);
      if (!error) bind(tcp::endpoint(ip, address.port), error);
    }
    if (error) return failure("cannot listen on " + address.toString() + ": " + error.message());
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }
  [[nodiscard]] const Address& address() const { return options_.address; }

 private:
  template <class Endpoint>
  void bind(const Endpoint& endpoint, ErrorCode& error) {
    error = {};
    if (acceptor_.is_open()) acceptor_.close();
    acceptor_.open(Protocol(endpoint.protocol()), error);
    if constexpr (std::is_same_v<Endpoint, tcp::endpoint>) {
      if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
      if (!error && endpoint.protocol() == tcp::v6()) acceptor_.set_option(asio::ip::v6_only(false), error);
    }
    if (!error) acceptor_.bind(Protocol::endpoint(endpoint), error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if constexpr (std::is_same_v<Endpoint, tcp::endpoint>) {
      if (error) return;
      tcp::endpoint local;
      const auto bound = acceptor_.local_endpoint(error);
      std::memcpy(local.data(), bound.data(), std::min(bound.size(), local.capacity()));
      options_.address.port = local.port();
    }
  }

  void accept() {
    acceptor_.async_accept([this](const ErrorCode& error, Protocol::socket socket) {
      if (error) {  // out of descriptors, for example: not at full speed
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](const ErrorCode& ended) {
          if (!ended) accept();
        });
        return;
      }
      if (*open_ < options_.connections) serve(std::make_shared<Session>(std::move(socket), open_));
      accept();
    });
  }

  void serve(const std::shared_ptr<Session>& session) {
    session->parser.header_limit(kMaxHeaderBytes);
    session->stream.expires_after(kRequestTime);
    http::async_read_header(session->stream, session->buffer, session->parser,
                            [this, session](const ErrorCode& error, std::size_t) {
                              if (error) return;
                              session->stream.expires_never();
                              asio::post(pool_, [this, session] { answer(session); });
                            });
  }

  // In a thread of the pool.
  void answer(const std::shared_ptr<Session>& session) {
    auto call = callOf(session->parser.get());
    ErrorCode gone;
    const auto peer = session->stream.socket().remote_endpoint(gone);
    call.fromPod = !gone && isFromPod(peer);
    HttpReply reply{405, "only GET and POST are answered here\n"};
    if (call.method == "GET" || call.method == "HEAD" || call.method == "POST") {
      try {
        reply = handler_(call);
      } catch (const std::exception& problem) {
        log().error("request {}: {}", call.path, problem.what());
        reply = {500, "internal error\n"};
      }
    }
    auto& response = session->response;
    response.version(11);
    response.result(reply.status);
    response.set(http::field::content_type, reply.contentType.empty() ? "text/plain" : reply.contentType);
    if (!reply.location.empty()) response.set(http::field::location, reply.location);
    response.keep_alive(false);
    response.content_length(reply.body.size());
    if (call.method != "HEAD") response.body() = std::move(reply.body);
    asio::post(context_, [session] { write(session); });
  }

  static void write(const std::shared_ptr<Session>& session) {
    session->stream.expires_after(kAnswerTime);
    http::async_write(session->stream, session->response, [session](const ErrorCode&, std::size_t) {
      ErrorCode ignored;
      session->stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
    });
  }

  Options options_;
  const Handler handler_;
  std::shared_ptr<std::atomic<unsigned>> open_ = std::make_shared<std::atomic<unsigned>>(0);  // sessions
  asio::io_context context_{1};
  Acceptor acceptor_{context_};
  asio::steady_timer pause_{context_};
  asio::thread_pool pool_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
HttpServer::~HttpServer() = default;
const Address& HttpServer::address() const { return implementation_->address(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(Options options, Handler handler) {
  auto implementation = std::make_unique<Implementation>(std::move(options), std::move(handler));
  if (auto listening = implementation->listen(); !listening) return tl::unexpected(listening.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

}  // namespace fairway::agent
