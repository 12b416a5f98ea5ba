#include "kube/port_forward.h"

#include <catch2/catch.hpp>

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

using namespace fairway;
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;

namespace {

constexpr std::chrono::seconds kTimeout{20};
const std::string kData(1, '\0'), kErrors(1, '\1');
const std::string kPort("\x98\x3A", 2);  // 15000

using Socket = websocket::stream<tcp::socket>;
using Request = http::request<http::string_body>;

// An API server for one connection.
class Server {
 public:
  explicit Server(std::function<void(tcp::socket&, const Request&)> serve)
      : thread_([this, serve = std::move(serve)] {
          try {
            tcp::socket socket(context_);
            acceptor_.accept(socket);
            beast::flat_buffer buffer;
            http::read(socket, buffer, request_);
            serve(socket, request_);
          } catch (const std::exception&) {
            // The client went away: its own checks say whether that is in order.
          }
        }) {}
  ~Server() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] kube::ClusterAccess access() const {
    kube::ClusterAccess access;
    access.server = "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/prefix";
    access.token = "secret-token";
    access.origin = "test";
    return access;
  }
  const Request& request() {
    join();
    return request_;
  }

 private:
  asio::io_context context_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::make_address("127.0.0.1"), 0)};
  Request request_;
  std::thread thread_;
};

// Accepts, tells the port on both channels, takes the request, and sends these messages.
std::function<void(tcp::socket&, const Request&)> forwarding(std::vector<std::string> messages,
                                                             std::string* asked = nullptr) {
  return [messages = std::move(messages), asked](tcp::socket& socket, const Request& request) {
    Socket stream(std::move(socket));
    stream.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
      response.set(http::field::sec_websocket_protocol, "v4.channel.k8s.io");
    }));
    stream.accept(request);
    stream.binary(true);
    for (const auto& channel : {kData, kErrors}) stream.write(asio::buffer(channel + kPort));
    beast::flat_buffer buffer;
    stream.read(buffer);
    if (asked != nullptr) *asked = beast::buffers_to_string(buffer.data());
    for (const auto& message : messages) stream.write(asio::buffer(message));
    stream.close(websocket::close_code::normal);
  };
}

Result<kube::PodAnswer> get(const Server& server) {
  return kube::askPod(server.access(), {"onap", "msb-0", 15000}, "/clusters?format=json", kTimeout);
}

}  // namespace

TEST_CASE("an answer comes through in pieces of any size") {
  std::string asked;
  const std::string answer =
      "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
  const auto size = GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{1000});
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < answer.size(); at += size) messages.push_back(kData + answer.substr(at, size));
  Server server(forwarding(messages, &asked));
  const auto got = get(server);
  INFO((got ? "" : got.error().message));
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->body == "hello world");
  CHECK(server.request().target() == "/prefix/api/v1/namespaces/onap/pods/msb-0/portforward?ports=15000");
  CHECK(server.request()[http::field::sec_websocket_protocol] == "v4.channel.k8s.io");
  CHECK(server.request()[http::field::authorization] == "Bearer secret-token");
  CHECK(asked.starts_with(kData + "GET /clusters?format=json HTTP/1.1\r\n"));
}

TEST_CASE("a body without a length ends with the connection, any status is handed on") {
  Server server(forwarding({kData + "HTTP/1.1 404 Not Found\r\n\r\nno ", kData + "such page"}));
  const auto got = get(server);
  INFO((got ? "" : got.error().message));
  REQUIRE(got);
  CHECK(got->status == 404);
  CHECK(got->body == "no such page");
}

TEST_CASE("a pod where nothing listens is told") {
  Server server(forwarding({kErrors + "error forwarding port 15000: connection refused"}));
  const auto got = get(server);
  REQUIRE_FALSE(got);
  INFO(got.error().message);
  CHECK(got.error().message.find("onap/msb-0:15000") != std::string::npos);
  CHECK(got.error().message.find("connection refused") != std::string::npos);
}

TEST_CASE("an answer that is cut off is a failure") {
  Server server(forwarding({kData + "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"}));
  const auto got = get(server);
  REQUIRE_FALSE(got);
  INFO(got.error().message);
  CHECK(got.error().message.find("before the answer was complete") != std::string::npos);
}

TEST_CASE("an API server that refuses says which rule is missing") {
  Server server([](tcp::socket& socket, const Request&) {
    http::response<http::string_body> response(http::status::forbidden, 11);
    response.body() = R"({"kind": "Status", "message": "pods \"msb-0\" is forbidden"})";
    response.prepare_payload();
    http::write(socket, response);
  });
  const auto got = get(server);
  REQUIRE_FALSE(got);
  INFO(got.error().message);
  CHECK(got.error().message.find("pods/portforward") != std::string::npos);
  CHECK(got.error().message.find("pods \"msb-0\" is forbidden") != std::string::npos);
}

TEST_CASE("a token goes in the clear to the loopback only, and nobody there is told") {
  kube::ClusterAccess access;
  access.server = "http://192.0.2.1:80";
  access.token = "secret-token";
  access.origin = "test";
  const auto refused = kube::askPod(access, {"onap", "msb-0", 15000}, "/", kTimeout);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("in the clear") != std::string::npos);
  access.server = "http://127.0.0.1:1";
  const auto away = kube::askPod(access, {"onap", "msb-0", 15000}, "/", kTimeout);
  REQUIRE_FALSE(away);
  CHECK(away.error().message.find("connecting") != std::string::npos);
}

TEST_CASE("messages of the two channels") {
  kube::ForwardedStream stream;
  CHECK(stream.take("").empty());
  CHECK(stream.take(kData + kPort).empty());
  CHECK(stream.take(kData + "abc") == "abc");
  CHECK(stream.take(kErrors + kPort).empty());
  CHECK(stream.error().empty());
  CHECK(stream.take(kErrors + "broken").empty());
  CHECK(stream.error() == "broken");
  CHECK(stream
            .take("\x07"
                  "other")
            .empty());
  CHECK(kube::ForwardedStream::wrap("x") == kData + "x");
}
