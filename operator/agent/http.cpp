#include "agent/http.h"

#include <limits>
#include <thread>

#include <spdlog/spdlog.h>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace fairway::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxReplyBytes = 1 << 20;
constexpr std::uint32_t kMaxHeaderBytes = 8 * 1024;
constexpr std::chrono::seconds kRequestTime{5};
constexpr unsigned kMaxConnections = 32;

}  // namespace

Result<HttpReply> httpRequest(const Address& address, const std::string& method, const std::string& target,
                              std::chrono::milliseconds timeout) {
  const auto failed = [&](const ErrorCode& error) {
    return failure(method + " http://" + address.toString() + target + ": " + error.message());
  };
  asio::io_context context;
  beast::tcp_stream stream(context);
  stream.expires_after(timeout);
  ErrorCode result;
  const auto remember = [&result](const ErrorCode& error, auto&&...) { result = error; };
  const auto finish = [&] {
    context.restart();
    context.run();
    return !result;
  };
  const auto ip = asio::ip::make_address(address.host, result);
  if (result) return failed(result);
  stream.async_connect(tcp::endpoint(ip, address.port), remember);
  if (!finish()) return failed(result);
  http::request<http::empty_body> request;
  request.method_string(method);
  request.target(target);
  request.version(11);
  request.set(http::field::host, address.toString());
  request.set(http::field::connection, "close");
  request.prepare_payload();
  if (method == "POST") request.set(http::field::content_length, "0");
  http::async_write(stream, request, remember);
  if (!finish()) return failed(result);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Beast 1.74 lets longer bodies through: checked below
  while (!parser.is_done()) {
    http::async_read_some(stream, buffer, parser, remember);
    if (!finish()) return failed(result);
    if (parser.get().body().size() > kMaxReplyBytes) return failed(http::make_error_code(http::error::body_limit));
  }
  return HttpReply{parser.get().result_int(), std::move(parser.get().body())};
}

class HttpServer::Implementation {
 public:
  explicit Implementation(Handler handler) : handler_(std::move(handler)), acceptor_(context_), pause_(context_) {}
  ~Implementation() {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  Result<void> listen(const Address& address) {
    ErrorCode error;
    auto ip = address.host.empty() ? asio::ip::address(asio::ip::address_v4::any())
                                   : asio::ip::make_address(address.host, error);
    if (error && address.host == "localhost") {
      error = {};
      ip = asio::ip::address_v4::loopback();
    }
    const tcp::endpoint endpoint(ip, address.port);
    if (!error) acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return failure("cannot listen on " + address.toString() + ": " + error.message());
    address_ = address;
    address_.port = acceptor_.local_endpoint(error).port();
    accept();
    thread_ = std::thread([this] { context_.run(); });
    return {};
  }
  [[nodiscard]] const Address& address() const { return address_; }

 private:
  struct Session {
    Session(tcp::socket socket, unsigned& count) : stream(std::move(socket)), open(count) { ++open; }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;
    ~Session() { --open; }
    beast::tcp_stream stream;
    unsigned& open;
    beast::flat_buffer buffer{kMaxHeaderBytes};
    http::request_parser<http::empty_body> parser;
    http::response<http::string_body> response;
  };

  void accept() {
    acceptor_.async_accept([this](const ErrorCode& error, tcp::socket socket) {
      if (error) {  // out of descriptors, for example: not at full speed
        pause_.expires_after(std::chrono::milliseconds(100));
        pause_.async_wait([this](const ErrorCode& ended) {
          if (!ended) accept();
        });
        return;
      }
      if (open_ < kMaxConnections) serve(std::make_shared<Session>(std::move(socket), open_));
      accept();
    });
  }

  void serve(const std::shared_ptr<Session>& session) {
    session->parser.header_limit(kMaxHeaderBytes);
    session->stream.expires_after(kRequestTime);
    http::async_read(session->stream, session->buffer, session->parser,
                     [this, session](const ErrorCode& error, std::size_t) {
                       if (!error) answer(session);
                     });
  }

  void answer(const std::shared_ptr<Session>& session) {
    const auto& request = session->parser.get();
    HttpReply reply{405, "only GET is answered here\n"};
    if (request.method() == http::verb::get || request.method() == http::verb::head) {
      const std::string target(request.target());
      try {
        reply = handler_(target.substr(0, target.find('?')));
      } catch (const std::exception& problem) {
        spdlog::error("request {}: {}", target, problem.what());
        reply = {500, "internal error\n"};
      }
    }
    auto& response = session->response;
    response.version(11);
    response.result(reply.status);
    response.set(http::field::content_type, "text/plain");
    response.keep_alive(false);
    response.content_length(reply.body.size());
    if (request.method() != http::verb::head) response.body() = std::move(reply.body);
    session->stream.expires_after(kRequestTime);
    http::async_write(session->stream, response, [session](const ErrorCode&, std::size_t) {
      ErrorCode ignored;
      session->stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  const Handler handler_;
  unsigned open_ = 0;  // sessions; used in the server's thread only, and outlives the context's handlers
  asio::io_context context_{1};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  Address address_;
  std::thread thread_;
};

HttpServer::HttpServer(std::unique_ptr<Implementation> implementation) : implementation_(std::move(implementation)) {}
HttpServer::~HttpServer() = default;
const Address& HttpServer::address() const { return implementation_->address(); }

Result<std::unique_ptr<HttpServer>> HttpServer::start(const Address& address, Handler handler) {
  auto implementation = std::make_unique<Implementation>(std::move(handler));
  if (auto listening = implementation->listen(address); !listening) return tl::unexpected(listening.error());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(implementation)));
}

}  // namespace fairway::agent
