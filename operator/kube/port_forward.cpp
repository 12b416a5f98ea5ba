#include "kube/port_forward.h"

#include <limits>

#include <openssl/ssl.h>
#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "base/address.h"
#include "base/strings.h"
#include "kube/read_file.h"
#include "kube/request_text.h"
#include "kube/tls.h"

namespace fairway::kube {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using ErrorCode = boost::system::error_code;

constexpr std::size_t kMaxTokenBytes = 64U << 10U;
constexpr std::size_t kMaxMessage = 16U << 20U;
constexpr std::size_t kMaxBody = 512U << 20U;
constexpr const char* kProtocol = "v4.channel.k8s.io";
constexpr bool kDeflate = false;  // the API server does not offer it, and its templates are slow to compile

// The parts of "https://host:port/prefix".
struct Server {
  bool tls = false;
  std::string host, port, prefix;
};

Result<Server> serverOf(const std::string& url) {
  const auto address = addressOf(url);
  if (!address) return tl::unexpected(address.error());
  Server server{address->tls, address->host, address->tls ? "443" : "80", {}};
  const auto start = url.find("//") + 2;
  const auto slash = url.find('/', start);
  const auto authority = url.substr(start, slash - start);
  if (const auto colon = authority.rfind(':'); colon != std::string::npos) server.port = authority.substr(colon + 1);
  if (slash != std::string::npos) server.prefix = url.substr(slash);
  return server;
}

Result<std::string> tokenOf(const ClusterAccess& access) {
  if (access.tokenFile.empty()) return access.token;
  const auto content = readFile(access.tokenFile, kMaxTokenBytes);
  if (!content) return failure("token file " + access.tokenFile + ": " + content.error().message);
  return std::string(trim(*content));
}

class Forward {
 public:
  Forward(const ClusterAccess& access, const PodPort& target, std::chrono::milliseconds timeout)
      : access_(access), target_(target), timeout_(timeout) {}

  Result<PodAnswer> ask(const std::string& method, const std::string& path) {
    auto server = serverOf(access_.server);
    if (!server) return tl::unexpected(server.error().within(access_.origin));
    server_ = std::move(*server);
    const auto token = tokenOf(access_);
    if (!token) return tl::unexpected(token.error().within(access_.origin));
    if (!server_.tls && !token->empty() && !isLoopback(server_.host)) {
      return failure(access_.origin + ": a token is not sent in the clear to " + access_.server + "; use https");
    }
    token_ = *token;
    if (!server_.tls) {
      websocket::stream<beast::tcp_stream, kDeflate> stream(context_);
      return exchange(stream, method, path);
    }
    asio::ssl::context tls(asio::ssl::context::tls_client);
    if (!access_.insecureSkipTlsVerify) tls.set_verify_mode(asio::ssl::verify_peer);
    if (const auto configured = configureTls(tls.native_handle(), access_, server_.host, report_); !configured) {
      return tl::unexpected(configured.error().within(access_.origin));
    }
    websocket::stream<beast::ssl_stream<beast::tcp_stream>, kDeflate> stream(context_, tls);
    return exchange(stream, method, path);
  }

 private:
  // Runs one asynchronous operation to its end, which the stream's timers bound. These timers go on beyond it.
  template <class Operation>
  ErrorCode run(Operation operation) {
    ErrorCode result;
    bool ended = false;
    operation([&](const ErrorCode& error, auto&&...) {
      result = error;
      ended = true;
    });
    context_.restart();
    while (!ended && context_.run_one() > 0) {
    }
    return result;
  }

  [[nodiscard]] std::string purpose() const {
    return "port-forward to " + target_.ns + "/" + target_.pod + ":" + std::to_string(target_.port);
  }

  tl::unexpected<Error> failed(const std::string& step, const ErrorCode& error) {
    const auto refused = report_->take();
    return failure("cannot " + purpose() + " at " + access_.server + ": " + step + ": " +
                   (error == beast::error::timeout ? "no answer in time" : error.message()) +
                   (refused.empty() ? "" : "; the server's certificate is refused: " + refused));
  }

  template <class Stream>
  ErrorCode handshakeTls(Stream& stream) {
    if constexpr (std::is_same_v<std::decay_t<decltype(stream.next_layer())>, beast::ssl_stream<beast::tcp_stream>>) {
      const auto& name = access_.tlsServerName.empty() ? server_.host : access_.tlsServerName;
      // RFC 6066 section 3: no IP addresses in server_name.
      if (name.find_first_not_of("0123456789.") != std::string::npos) {
        ::SSL_set_tlsext_host_name(stream.next_layer().native_handle(), name.c_str());
      }
      return run([&](auto done) { stream.next_layer().async_handshake(asio::ssl::stream_base::client, done); });
    }
    return {};
  }

  template <class Stream>
  Result<void> connect(Stream& stream) {
    ErrorCode error;
    asio::ip::tcp::resolver resolver(context_);
    const auto found = resolver.resolve(server_.host, server_.port, error);
    if (error) return failed("looking up " + server_.host, error);
    auto& tcp = beast::get_lowest_layer(stream);
    tcp.expires_after(timeout_);
    if (error = run([&](auto done) { tcp.async_connect(found, done); }); error) return failed("connecting", error);
    if (error = handshakeTls(stream); error) return failed("TLS handshake", error);
    tcp.expires_never();
    stream.set_option(websocket::stream_base::timeout{timeout_, timeout_, false});
    stream.set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(http::field::sec_websocket_protocol, kProtocol);
      request.set(http::field::user_agent, "fairway");
      if (!token_.empty()) request.set(http::field::authorization, "Bearer " + token_);
    }));
    stream.binary(true);
    stream.read_message_max(kMaxMessage);
    const auto path = server_.prefix + "/api/v1/namespaces/" + target_.ns + "/pods/" + target_.pod +
                      "/portforward?ports=" + std::to_string(target_.port);
    const auto host = access_.tlsServerName.empty() ? server_.host + ":" + server_.port : access_.tlsServerName;
    websocket::response_type response;
    error = run([&](auto done) { stream.async_handshake(response, host, path, done); });
    if (error == websocket::error::upgrade_declined) {
      const Purpose what{purpose(), "a Role in namespace " + target_.ns +
                                        ", bound to this user, needs the rule {apiGroups: [\"\"], resources: "
                                        "[\"pods/portforward\"], verbs: [\"get\", \"create\"]}"};
      return failure(errorOf(static_cast<int>(response.result_int()), response.body(), what, access_.server).message);
    }
    if (error) return failed("WebSocket handshake", error);
    return {};
  }

  template <class Stream>
  Result<PodAnswer> exchange(Stream& stream, const std::string& method, const std::string& path) {
    if (const auto connected = connect(stream); !connected) return tl::unexpected(connected.error());
    const auto request =
        ForwardedStream::wrap(method + " " + path + " HTTP/1.1\r\nHost: localhost:" + std::to_string(target_.port) +
                              "\r\nAccept: application/json\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    if (const auto error = run([&](auto done) { stream.async_write(asio::buffer(request), done); }); error) {
      return failed("sending", error);
    }
    http::response_parser<http::string_body> parser;
    parser.eager(true);
    parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // checked below
    ForwardedStream forwarded;
    std::string pending;
    while (!parser.is_done()) {
      beast::flat_buffer message;
      auto error = run([&](auto done) { stream.async_read(message, done); });
      if (error == websocket::error::closed || error == asio::error::eof ||
          error == asio::ssl::error::stream_truncated) {
        if (!forwarded.error().empty()) break;
        parser.put_eof(error);
        if (!error && parser.is_done()) break;
        return failure("cannot " + purpose() + ": the connection ended before the answer was complete");
      }
      if (error) return failed("reading", error);
      pending += forwarded.take({static_cast<const char*>(message.data().data()), message.size()});
      while (!pending.empty() && !parser.is_done()) {
        const auto used = parser.put(asio::buffer(pending), error);
        if (error && error != http::error::need_more) return failed("the answer is no HTTP", error);
        if (used == 0) break;
        pending.erase(0, used);
      }
      if (!forwarded.error().empty() && !parser.got_some()) break;
      if (parser.get().body().size() > kMaxBody) {
        return failure("cannot " + purpose() + ": the answer is bigger than " + std::to_string(kMaxBody) + " bytes");
      }
    }
    if (!parser.is_done()) {
      return failure("cannot " + purpose() + ": " + forwarded.error() +
                     "; is something listening on this port of the pod?");
    }
    return PodAnswer{parser.get().result_int(), std::move(parser.get().body())};
  }

  const ClusterAccess& access_;
  const PodPort& target_;
  const std::chrono::milliseconds timeout_;
  Server server_;
  std::string token_;
  asio::io_context context_;
  const std::shared_ptr<TlsReport> report_ = std::make_shared<TlsReport>();
};

}  // namespace

std::string_view ForwardedStream::take(std::string_view message) {
  if (message.empty()) return {};
  const auto channel = static_cast<unsigned char>(message.front());
  if (channel > 1) return {};
  message.remove_prefix(1);
  if (!begun_[channel]) {
    begun_[channel] = true;
    return {};
  }
  if (channel == 0) return message;
  error_ += message;
  return {};
}

std::string ForwardedStream::wrap(std::string_view data) {
  std::string message(1, '\0');
  return message.append(data);
}

Result<PodAnswer> askPod(const ClusterAccess& access, const PodPort& target, const std::string& path,
                         std::chrono::milliseconds timeout, const std::string& method) {
  return Forward(access, target, timeout).ask(method, path);
}

}  // namespace fairway::kube
