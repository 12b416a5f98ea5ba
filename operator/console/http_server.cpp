#include "console/http_server.h"

#include <sys/stat.h>

#include <functional>
#include <map>
#include <optional>
#include <thread>

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "console/html.h"
#include "console/log.h"
#include "console/visitors.h"

namespace fairway::console {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;

namespace {

int hexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string percentDecode(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      result += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hexDigit(text[i + 1]) >= 0 && hexDigit(text[i + 2]) >= 0) {
      result += static_cast<char>(hexDigit(text[i + 1]) * 16 + hexDigit(text[i + 2]));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

// Boost's views are not the standard's in every version.
template <class View>
std::string textOf(const View& view) {
  return {view.data(), view.size()};
}

void splitTarget(std::string_view target, Request& request) {
  const auto question = target.find('?');
  request.path = target.substr(0, question);
  if (question == std::string_view::npos) return;
  auto rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const auto pair = rest.substr(0, end);
    const auto equals = pair.find('=');
    request.query[percentDecode(pair.substr(0, equals))] =
        equals == std::string_view::npos ? std::string() : percentDecode(pair.substr(equals + 1));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
}

struct FileTimes {
  struct timespec certificate {
  }, key{};
  bool operator==(const FileTimes& o) const {
    return certificate.tv_sec == o.certificate.tv_sec && certificate.tv_nsec == o.certificate.tv_nsec &&
           key.tv_sec == o.key.tv_sec && key.tv_nsec == o.key.tv_nsec;
  }
};

FileTimes timesOf(const HttpServer::Options& options) {
  FileTimes times;
  struct stat info {};
  if (stat(options.certificateFile.c_str(), &info) == 0) times.certificate = info.st_mtim;
  if (stat(options.keyFile.c_str(), &info) == 0) times.key = info.st_mtim;
  return times;
}

// A socket for both families sees an IPv4 peer as ::ffff:127.0.0.1.
bool isLoopback(const asio::ip::address& address) {
  if (address.is_v6() && address.to_v6().is_v4_mapped()) {
    return asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6()).is_loopback();
  }
  return address.is_loopback();
}

// Larger bodies are few: so many are read at a time.
constexpr std::size_t kSmallBody = 256 * 1024;
constexpr std::size_t kLargeBodies = 4;

// Who is there. Outlives the server where a connection does.
struct Presence {
  explicit Presence(std::size_t connections) : visitors(connections, kLargeBodies) {}
  Visitors visitors;
  Visitors::Id last = 0;
  std::map<Visitors::Id, std::function<void()>> closers;
};

// One connection, over `Stream` = beast::tcp_stream or ssl_stream of it. Lives until its last callback.
template <class Stream>
class Session : public std::enable_shared_from_this<Session<Stream>> {
 public:
  Session(Stream stream, const HttpServer::Options& options, const HttpServer::Handler& handler,
          std::shared_ptr<Presence> presence, asio::thread_pool* workers)
      : stream_(std::move(stream)),
        options_(options),
        handler_(handler),
        presence_(std::move(presence)),
        workers_(workers),
        id_(++presence_->last) {}
  ~Session() {
    presence_->visitors.gone(id_);
    presence_->closers.erase(id_);
  }

  void start() {
    boost::system::error_code error;
    const auto remote = beast::get_lowest_layer(stream_).socket().remote_endpoint(error);
    if (error) return;
    peer_ = remote.address().to_string() + ":" + std::to_string(remote.port());
    loopback_ = isLoopback(remote.address());
    presence_->closers[id_] = [weak = this->weak_from_this()] {
      boost::system::error_code ignored;
      if (const auto self = weak.lock()) beast::get_lowest_layer(self->stream_).socket().close(ignored);
    };
    if (const auto other = presence_->visitors.arrive(id_, remote.address().to_string()))
      presence_->closers.at (*other)();
    if constexpr (std::is_same_v<Stream, beast::tcp_stream>) {
      read();
    } else {
      expireSoon();
      stream_.async_handshake(asio::ssl::stream_base::server, [self = this->shared_from_this()](auto failed) {
        if (!failed) self->read();
      });
    }
  }

 private:
  void expireSoon() { beast::get_lowest_layer(stream_).expires_after(std::chrono::seconds(options_.timeoutSeconds)); }

  void read() {
    parser_.emplace();
    parser_->body_limit(options_.maxBody);
    parser_->header_limit(static_cast<std::uint32_t>(options_.maxHeader));
    expireSoon();
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](auto failed, std::size_t) { self->readBody(failed); });
  }

  void readBody(boost::system::error_code failed) {
    if (failed) return answer(failed);
    const auto length = parser_->content_length();
    if (!length) parser_->body_limit(std::min(options_.maxBody, kSmallBody));  // nobody knows yet how much comes
    if (length && *length > kSmallBody && !presence_->visitors.beginLarge(id_)) {
      return write(Response::text(503, "too many large requests at once: try again\n"), 11, false);
    }
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](auto error, std::size_t) { self->answer(error); });
  }

  void answer(boost::system::error_code failed) {
    if (failed == http::error::body_limit) {
      return write(Response::text(413, "request body too large\n"), 11, false);
    }
    if (failed == http::error::header_limit) return write(Response::text(431, "request header too large\n"), 11, false);
    if (failed) return;
    const auto& message = parser_->get();
    Request request;
    request.method = std::string(message.method_string());
    splitTarget({message.target().data(), message.target().size()}, request);
    request.body = message.body();
    request.accept = textOf(message[http::field::accept]);
    request.host = textOf(message[http::field::host]);
    request.peer = peer_;
    request.fromLoopback = loopback_;
    const bool bodiless = message.method() == http::verb::head;
    const auto version = message.version();
    const bool keepAlive = message.keep_alive();
    parser_.reset();  // with the body
    presence_->visitors.done(id_);
    if (workers_ == nullptr || !options_.blocks(request)) return write(respond(request, bodiless), version, keepAlive);
    asio::post(*workers_, [self = this->shared_from_this(), request = std::move(request), bodiless, version,
                           keepAlive] {
      auto response = self->respond(request, bodiless);
      asio::post(self->stream_.get_executor(), [self, response = std::move(response), version, keepAlive]() mutable {
        self->write(std::move(response), version, keepAlive);
      });
    });
  }

  Response respond(const Request& request, bool bodiless) const {
    Response response;
    try {
      response = handler_(request);
    } catch (const std::exception& e) {
      log().error("internal error while answering {} {}: {}", request.method, request.path, e.what());
      response = Response::text(500, "internal error, see the log\n");
    }
    if (bodiless) response.body.clear();
    return response;
  }

  void write(Response response, unsigned version, bool keepAlive) {
    message_.emplace(static_cast<http::status>(response.status), version);
    message_->set(http::field::content_type, response.contentType);
    message_->set(http::field::cache_control, "no-store");
    message_->set("x-content-type-options", "nosniff");
    // Styles are a page's only resource, and the server's own.
    if (response.contentType.starts_with("text/html")) {
      message_->set("content-security-policy", textOf(kContentSecurityPolicy));
      message_->set("referrer-policy", "no-referrer");
    }
    for (const auto& [name, value] : response.headers) message_->set(name, value);
    message_->body() = std::move(response.body);
    message_->keep_alive(keepAlive);
    message_->prepare_payload();
    expireSoon();
    http::async_write(stream_, *message_, [self = this->shared_from_this(), keepAlive](auto failed, std::size_t) {
      if (failed) return;
      if (keepAlive) return self->read();
      boost::system::error_code ignored;
      beast::get_lowest_layer(self->stream_).socket().shutdown(tcp::socket::shutdown_send, ignored);
    });
  }

  Stream stream_;
  const HttpServer::Options& options_;
  const HttpServer::Handler& handler_;
  std::shared_ptr<Presence> presence_;
  asio::thread_pool* const workers_;  // null: handlers do not block
  const Visitors::Id id_;
  beast::flat_buffer buffer_{64 * 1024};
  std::optional<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> message_;
  std::string peer_;
  bool loopback_ = false;
};

}  // namespace

struct HttpServer::Impl {
  Options options;
  Handler handler;
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::shared_ptr<Presence> presence;
  std::shared_ptr<asio::ssl::context> tls;
  FileTimes tlsTimes;
  std::thread thread;
  std::unique_ptr<asio::thread_pool> workers;  // ends before all that its jobs refer to

  Impl(Options o, Handler h)
      : options(std::move(o)), handler(std::move(h)), presence(std::make_shared<Presence>(options.maxConnections)) {
    if (options.blocks) workers = std::make_unique<asio::thread_pool>(options.workers);
  }

  [[nodiscard]] bool secure() const { return !options.certificateFile.empty(); }

  // A failed reload keeps the certificate in use.
  std::optional<Error> loadTls() {
    const auto times = timesOf(options);
    if (tls && times == tlsTimes) return std::nullopt;
    try {
      auto loaded = std::make_shared<asio::ssl::context>(asio::ssl::context::tls_server);
      loaded->set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1);
      loaded->use_certificate_chain_file(options.certificateFile);
      loaded->use_private_key_file(options.keyFile, asio::ssl::context::pem);
      tls = std::move(loaded);
      tlsTimes = times;
    } catch (const std::exception& e) {
      return Error{"TLS certificate " + options.certificateFile + ": " + e.what()};
    }
    return std::nullopt;
  }

  void accept() {
    acceptor.async_accept([this](auto failed, tcp::socket socket) {
      if (failed == asio::error::operation_aborted) return;
      if (!failed) {
        if (secure()) {
          if (const auto problem = loadTls()) log().warn("{}", problem->message);
          std::make_shared<Session<beast::ssl_stream<beast::tcp_stream>>>(
              beast::ssl_stream<beast::tcp_stream>(beast::tcp_stream(std::move(socket)), *tls), options, handler,
              presence, workers.get())
              ->start();
        } else {
          std::make_shared<Session<beast::tcp_stream>>(beast::tcp_stream(std::move(socket)), options, handler, presence,
                                                       workers.get())
              ->start();
        }
      }
      accept();
    });
  }
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(Options options, Handler handler) {
  auto impl = std::make_unique<Impl>(std::move(options), std::move(handler));
  const auto& address = impl->options.address;
  if (impl->secure()) {
    if (auto problem = impl->loadTls()) return tl::unexpected(*problem);
  }
  try {
    tcp::endpoint endpoint;
    if (address.host.empty()) {
      endpoint = tcp::endpoint(tcp::v6(), address.port);  // takes IPv4, too
    } else {
      tcp::resolver resolver(impl->context);
      endpoint = *resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive).begin();
    }
    boost::system::error_code error;
    impl->acceptor.open(endpoint.protocol(), error);
    if (error && address.host.empty()) {  // a kernel without IPv6
      endpoint = tcp::endpoint(tcp::v4(), address.port);
      impl->acceptor.open(endpoint.protocol());
    } else if (error) {
      throw boost::system::system_error(error);
    }
    impl->acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl->acceptor.bind(endpoint);
    impl->acceptor.listen();
  } catch (const std::exception& e) {
    return failure("cannot listen on " + address.toString() + ": " + e.what());
  }
  impl->accept();
  impl->thread = std::thread([raw = impl.get()] { raw->context.run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

Address HttpServer::address() const {
  Address result = impl_->options.address;
  result.port = impl_->acceptor.local_endpoint().port();
  return result;
}

}  // namespace fairway::console
