#include "agent/http.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

const Address kAnyPort{"127.0.0.1", 0, ""};

std::unique_ptr<HttpServer> echoServer() {
  return HttpServer::start(kAnyPort,
                           [](const std::string& path) -> HttpReply {
                             if (path == "/throw") throw std::runtime_error("no");
                             if (path == "/large") return {200, std::string(2 << 20, 'x')};
                             return {path == "/missing" ? 404U : 200U, path};
                           })
      .value();
}

}  // namespace

TEST_CASE("requests are answered by path") {
  const auto server = echoServer();
  REQUIRE(server->address().port != 0);
  const auto get = [&](const std::string& target) {
    return httpRequest(server->address(), "GET", target, 10s).value();
  };
  CHECK(get("/healthz/ready?x=1").body == "/healthz/ready");
  CHECK(get("/missing").status == 404);
  CHECK(get("/throw").status == 500);
  CHECK(get("/again").status == 200);
  CHECK(httpRequest(server->address(), "POST", "/x", 10s).value().status == 405);
}

TEST_CASE("a client bounds what it reads") {
  const auto server = echoServer();
  const auto reply = httpRequest(server->address(), "GET", "/large", 10s);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.find("body limit exceeded") != std::string::npos);
}

TEST_CASE("a server that is not there, or does not answer") {
  auto server = echoServer();
  const auto address = server->address();
  server.reset();
  const auto reply = httpRequest(address, "GET", "/x", 10s);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.starts_with("GET http://127.0.0.1:" + std::to_string(address.port) + "/x: "));
  CHECK_FALSE(httpRequest({"localhost", 1, ""}, "GET", "/", 10s));
}

TEST_CASE("requests that are too large or are no HTTP do not stop the server") {
  const auto server = echoServer();
  const auto port = std::to_string(server->address().port);
  const auto send = [&](const std::string& text) {
    TemporaryDirectory directory;
    write(directory.path("request"), text);
    return run("timeout 20 bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "; cat " + directory.path("request") +
               " >&3; cat <&3'")
        .output;
  };
  CHECK(send("GET /x HTTP/1.1\r\nhost: a\r\nbig: " + std::string(10000, 'a') + "\r\n\r\n").find("200") ==
        std::string::npos);
  CHECK(send("garbage\r\n\r\n").find("200") == std::string::npos);
  CHECK(send("GET /fine HTTP/1.0\r\n\r\n").find("/fine") != std::string::npos);
}

TEST_CASE("an address in use is reported") {
  const auto server = echoServer();
  const auto second = HttpServer::start(server->address(), [](const std::string&) { return HttpReply{200, ""}; });
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find(server->address().toString()) != std::string::npos);
}
