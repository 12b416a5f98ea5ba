#include "agent/http_server.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

namespace {

const Address kAnyPort{"127.0.0.1", 0, ""};

std::unique_ptr<HttpServer> echoServer(const Address& address = kAnyPort) {
  return HttpServer::start({address},
                           [](const HttpCall& call) -> HttpReply {
                             if (call.path == "/throw") throw std::runtime_error("no");
                             if (call.path == "/large") return {200, std::string(2 << 20, 'x')};
                             if (call.path == "/headers") return {200, call.headers.at("a") + call.headers.at("host")};
                             if (call.path == "/query") return {200, call.method + " " + call.query};
                             return {call.path == "/missing" ? 404U : 200U, call.path};
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
  CHECK(get("/query?a=b&c").body == "GET a=b&c");
  CHECK(httpRequest(server->address(), "POST", "/query", 10s).value().body == "POST ");
  CHECK(httpRequest(server->address(), "DELETE", "/x", 10s).value().status == 405);
  CHECK(httpRequest(server->address(), "HEAD", "/missing", 10s).value().status == 404);
  CHECK_FALSE(httpRequest(server->address(), "GET", "/a b", 10s));
}

TEST_CASE("headers are sent, but none that break the request") {
  const auto server = echoServer();
  HttpRequest request;
  request.address = server->address();
  request.target = "/headers";
  request.headers = {{"A", "1"}, {"Host", "example.com"}, {"B", "x\r\nA: 2"}, {"C\r\nA", "3"}, {"", "x"}};
  CHECK(httpRequest(request).value().body == "1example.com");
}

TEST_CASE("a unix socket is for its owner only") {
  TemporaryDirectory directory;
  const Address address{"", 0, directory.path("sock")};
  write(address.unixPath, "left over");
  {
    const auto server = echoServer(address);
    CHECK(identity::test::modeOf(address.unixPath) == 0600);
    CHECK(httpRequest(address, "GET", "/here", 10s).value().body == "/here");
  }
  CHECK_FALSE(std::filesystem::exists(address.unixPath));
  CHECK_FALSE(httpRequest(address, "GET", "/here", 10s));
}

TEST_CASE("calls of the pod's own containers are told from others") {
  for (const Address& listening : {Address{"", 0, ""}, Address{"127.0.0.1", 0, ""}}) {
    const auto server = HttpServer::start({listening}, [](const HttpCall& call) {
                          return HttpReply{call.fromPod ? 200U : 403U, ""};
                        }).value();
    HttpRequest request;
    request.address = {"127.0.0.1", server->address().port, ""};
    CHECK(httpRequest(request).value().status == 200);
    request.source = "127.0.0.6";
    CHECK(httpRequest(request).value().status == 403);
  }
}

TEST_CASE("all interfaces means both families") {
  const auto server = echoServer({"", 0, ""});
  const auto port = server->address().port;
  REQUIRE(port != 0);
  CHECK(httpRequest({"127.0.0.1", port, ""}, "GET", "/x", 10s));
  CHECK(httpRequest({"::1", port, ""}, "GET", "/x", 10s));
}

TEST_CASE("slow answers do not keep others waiting") {
  std::atomic<bool> release{false};
  const auto server = HttpServer::start({kAnyPort, 2}, [&](const HttpCall& call) -> HttpReply {
                        if (call.path == "/slow" && !eventually([&] { return release.load(); })) return {500, ""};
                        return {200, call.path};
                      }).value();
  std::thread slow([&] { CHECK(httpRequest(server->address(), "GET", "/slow", 60s).value().body == "/slow"); });
  CHECK(httpRequest(server->address(), "GET", "/quick", 60s).value().body == "/quick");
  release = true;
  slow.join();
}

TEST_CASE("a client bounds what it reads") {
  const auto server = echoServer();
  const auto reply = httpRequest(server->address(), "GET", "/large", 10s);
  REQUIRE_FALSE(reply);
  CHECK(reply.error().message.find("body limit exceeded") != std::string::npos);
  HttpRequest request;
  request.address = server->address();
  request.target = "/large";
  request.maxBody = 100;
  request.cut = true;
  CHECK(httpRequest(request).value().body.size() == 100);
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
  const auto second = HttpServer::start({server->address()}, [](const HttpCall&) { return HttpReply{200, ""}; });
  REQUIRE_FALSE(second);
  CHECK(second.error().message.find(server->address().toString()) != std::string::npos);
}
