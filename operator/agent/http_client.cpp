#include "agent/http_client.h"

#include <algorithm>
#include <limits>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include "agent/connect.h"
#include "base/strings.h"

namespace fairway::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;
using UnixStream = beast::basic_stream<asio::local::stream_protocol>;

constexpr std::uint32_t kMaxHeaderBytes = 64 * 1024;

// Runs one asynchronous operation to its end, which the stream's timer bounds.
class Runner {
 public:
  explicit Runner(asio::io_context& context) : context_(context) {}
  template <class Operation>
  ErrorCode operator()(Operation operation) {
    ErrorCode result;
    operation([&result](const ErrorCode& error, auto&&...) { result = error; });
    context_.restart();
    context_.run();
    return result;
  }

 private:
  asio::io_context& context_;
};

bool breaksLines(const std::string& text) { return text.find_first_of("\r\n") != std::string::npos; }

http::request<http::empty_body> message(const HttpRequest& wanted) {
  http::request<http::empty_body> request;
  request.method_string(wanted.method);
  request.target(wanted.target);
  request.version(11);
  request.set(http::field::host, wanted.address.isUnix() ? "localhost" : wanted.address.toString());
  for (const auto& [name, value] : wanted.headers) {
    if (name.empty() || breaksLines(name) || breaksLines(value)) continue;
    if (toLower(name) == "host") {
      request.set(http::field::host, value);
    } else {
      request.insert(name, value);
    }
  }
  request.set(http::field::connection, "close");
  request.prepare_payload();
  if (wanted.method == "POST") request.set(http::field::content_length, "0");
  return request;
}

template <class Stream>
tl::expected<HttpReply, ErrorCode> exchange(Stream& stream, Runner& run, const HttpRequest& wanted) {
  const auto request = message(wanted);
  if (auto error = run([&](auto done) { http::async_write(stream, request, done); }); error) {
    return tl::unexpected(error);
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.header_limit(kMaxHeaderBytes);
  parser.skip(wanted.method == "HEAD");
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());  // Beast 1.74 lets longer bodies through: checked below
  while (!parser.is_done()) {
    const auto error = run([&](auto done) { http::async_read_some(stream, buffer, parser, done); });
    // Servers may close a TLS connection without saying so; what came before counts.
    const bool ended = error == asio::ssl::error::stream_truncated && parser.is_header_done() && parser.need_eof();
    if (ended) break;
    if (error) return tl::unexpected(error);
    if (parser.get().body().size() > wanted.maxBody) {
      if (!wanted.cut) return tl::unexpected(http::make_error_code(http::error::body_limit));
      parser.get().body().resize(wanted.maxBody);
      break;
    }
  }
  auto& response = parser.get();
  return HttpReply{response.result_int(), std::move(response.body()), std::string(response[http::field::content_type]),
                   std::string(response[http::field::location])};
}

// To come from anywhere and trust anyone is what kubelet's probes do, too.
asio::ssl::context careless() {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_none);
  ::SSL_CTX_set_security_level(context.native_handle(), 0);
  return context;
}

asio::ssl::context verifying(const TlsTrust& trust) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  context.set_verify_mode(asio::ssl::verify_peer);
  auto* handle = context.native_handle();
  ::SSL_CTX_set_min_proto_version(handle, TLS1_2_VERSION);
  auto* roots = ::SSL_CTX_get_cert_store(handle);
  // What is not there is trusted by nobody.
  for (const auto& file : {trust.rootsFile, trust.extraRootsFile}) {
    if (!file.empty()) ::X509_STORE_load_file(roots, file.c_str());
  }
  if (!trust.rootsDirectory.empty()) ::X509_STORE_load_path(roots, trust.rootsDirectory.c_str());
  ::ERR_clear_error();
  return context;
}

// The name that is asked for and that the certificate must have.
bool setName(SSL* connection, const std::string& name) {
  auto* parameters = ::SSL_get0_param(connection);
  ::X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (isIp(name)) return ::X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str()) == 1;
  ::SSL_set_tlsext_host_name(connection, name.c_str());
  return ::X509_VERIFY_PARAM_set1_host(parameters, name.c_str(), name.size()) == 1;
}

}  // namespace

Result<HttpReply> httpRequest(const HttpRequest& wanted) {
  const auto failed = [&](const std::string& why) {
    return failure(wanted.method + " " + (wanted.tls ? "https://" : "http://") + wanted.address.toString() +
                   wanted.target + ": " + why);
  };
  if (wanted.target.empty() || wanted.target.find_first_of(" \r\n") != std::string::npos) {
    return failed("the path must not be empty or hold blanks");
  }
  const auto deadline = Clock::now() + wanted.timeout;
  asio::io_context context;
  Runner run(context);
  const auto finish = [&](tl::expected<HttpReply, ErrorCode> reply) -> Result<HttpReply> {
    if (!reply) return failed(reply.error() == beast::error::timeout ? "no answer in time" : reply.error().message());
    return std::move(*reply);
  };
  if (wanted.address.isUnix()) {
    UnixStream stream(context);
    stream.expires_at(deadline);
    const asio::local::stream_protocol::endpoint endpoint(wanted.address.unixPath);
    if (auto error = run([&](auto done) { stream.async_connect(endpoint, done); }); error) {
      return failed(error.message());
    }
    return finish(exchange(stream, run, wanted));
  }
  auto connected = connectTcp(wanted.address.host, wanted.address.port, wanted.source, wanted.timeout);
  if (!connected) return failed(connected.error().message);
  asio::ip::tcp::socket socket(context);
  ErrorCode error;
  socket.assign(isIpv6(wanted.address.host) ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), connected->get(), error);
  if (error) return failed(error.message());
  connected->release();
  beast::tcp_stream plain(std::move(socket));
  plain.expires_at(deadline);
  if (!wanted.tls) return finish(exchange(plain, run, wanted));
  auto tls = wanted.trust ? verifying(*wanted.trust) : careless();
  beast::ssl_stream<beast::tcp_stream> stream(std::move(plain), tls);
  if (wanted.trust && !setName(stream.native_handle(), wanted.trust->name)) {
    return failed("the name \"" + wanted.trust->name + "\" cannot be verified");
  }
  beast::get_lowest_layer(stream).expires_at(deadline);
  error = run([&](auto done) { stream.async_handshake(asio::ssl::stream_base::client, done); });
  if (error) {
    const long verified = ::SSL_get_verify_result(stream.native_handle());
    const bool refused = wanted.trust && verified != X509_V_OK;
    return failed("TLS handshake: " + (refused ? ::X509_verify_cert_error_string(verified) : error.message()));
  }
  return finish(exchange(stream, run, wanted));
}

Result<HttpReply> httpRequest(const Address& address, const std::string& method, const std::string& target,
                              std::chrono::milliseconds timeout) {
  HttpRequest request;
  request.address = address;
  request.method = method;
  request.target = target;
  request.timeout = timeout;
  return httpRequest(request);
}

}  // namespace fairway::agent
