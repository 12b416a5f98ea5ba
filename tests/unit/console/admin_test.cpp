#include "console/admin.h"

#include <catch2/catch.hpp>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <nlohmann/json.hpp>

using namespace fairway;
using console::HttpServer;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {

console::AdminSources sources(bool ready) {
  console::AdminSources result;
  result.ready = [=] { return console::AdminSources::Readiness{ready, "VirtualService: not listed yet\n"}; };
  result.metrics = [] {
    prometheus::MetricFamily family;
    family.name = "fairway_things_total";
    family.help = "things";
    family.type = prometheus::MetricType::Counter;
    prometheus::ClientMetric metric;
    metric.counter.value = 7;
    family.metric.push_back(metric);
    return std::vector<prometheus::MetricFamily>{family};
  };
  result.proxies = [] {
    return nlohmann::json::array(
        {{{"id", "sidecar~1.2.3.4~<b>.onap~x"}, {"types", {{"CDS", {{"sent", 3}, {"acked", 2}}}}}}});
  };
  result.configDump = [](const std::string& proxy) -> std::optional<nlohmann::json> {
    if (proxy != "p&q") return std::nullopt;
    return nlohmann::json{{"proxy", proxy}, {"text", "\xff"}};
  };
  result.notes = [] {
    return nlohmann::json::array(
        {{{"severity", "error"}, {"object", "Policy/onap/x"}, {"field", "spec"}, {"message", "<script>"}}});
  };
  result.objects = [] { return nlohmann::json::array({{{"kind", "VirtualService"}, {"live", 2}}}); };
  result.discovery = [](const std::string& path, const std::string& body) {
    return console::Response::json("{\"" + path + "\": " + body + "}");
  };
  result.feeds = [] { return nlohmann::json::array(); };
  result.units = [] { return nlohmann::json::array(); };
  return result;
}

console::Request get(const std::string& path, bool loopback = true, const std::string& method = "GET") {
  console::Request request;
  request.method = method;
  request.path = path;
  request.fromLoopback = loopback;
  return request;
}

}  // namespace

TEST_CASE("xDS as JSON is for callers on loopback, by POST") {
  const auto handler = console::adminHandler(sources(true), "1.0");
  auto request = get("/v3/discovery:clusters", true, "POST");
  request.body = "{}";
  CHECK(handler(request).body == "{\"/v3/discovery:clusters\": {}}");
  CHECK(handler(get("/v3/discovery:clusters", false, "POST")).status == 403);
  CHECK(handler(get("/v3/discovery:clusters")).status == 405);
}

TEST_CASE("readiness says what is missing") {
  const auto ready = console::adminHandler(sources(true), "1.0");
  CHECK(ready(get("/ready")).status == 200);
  const auto answer = console::adminHandler(sources(false), "1.0")(get("/ready"));
  CHECK(answer.status == 503);
  CHECK(answer.body.find("VirtualService: not listed yet") != std::string::npos);
}

TEST_CASE("metrics are served in Prometheus' text format") {
  const auto answer = console::adminHandler(sources(true), "1.0")(get("/metrics", false));
  CHECK(answer.status == 200);
  CHECK(answer.body.find("# TYPE fairway_things_total counter\nfairway_things_total 7") != std::string::npos);
}

TEST_CASE("debug pages are for loopback only") {
  const auto handler = console::adminHandler(sources(true), "1.0");
  for (const std::string path :
       {"/debug", "/debug/", "/debug/proxies", "/debug/config_dump", "/debug/notes", "/debug/nothing"}) {
    CAPTURE(path);
    CHECK(handler(get(path, false)).status == 403);
    CHECK(handler(get(path, true)).status != 403);
  }
  CHECK(handler(get("/debug/nothing")).status == 404);
  CHECK(handler(get("/nothing")).status == 404);
  CHECK(handler(get("/metrics", true, "POST")).status == 405);
}

TEST_CASE("the index page escapes what objects say") {
  const auto page = console::adminHandler(sources(true), "1.0")(get("/debug")).body;
  CHECK(page.find("<script>") == std::string::npos);
  CHECK(page.find("&lt;script&gt;") != std::string::npos);
  CHECK(page.find("&lt;b&gt;") != std::string::npos);
  CHECK(page.find("CDS 3/2") != std::string::npos);
}

TEST_CASE("a config dump needs the id of a connected proxy") {
  const auto handler = console::adminHandler(sources(true), "1.0");
  CHECK(handler(get("/debug/config_dump")).status == 400);
  auto request = get("/debug/config_dump");
  request.query["proxy"] = "other";
  CHECK(handler(request).status == 404);
  request.query["proxy"] = "p&q";
  CHECK(handler(request).status == 200);
}

namespace {

struct Client {
  boost::asio::io_context context;
  beast::tcp_stream stream{context};
  explicit Client(const Address& address) {
    stream.connect({boost::asio::ip::make_address(address.host), address.port});
    stream.expires_after(std::chrono::seconds(30));
  }
  http::response<http::string_body> ask(http::request<http::string_body> request) {
    http::write(stream, request);
    beast::flat_buffer buffer;
    http::response<http::string_body> response;
    http::read(stream, buffer, response);
    return response;
  }
};

http::request<http::string_body> message(http::verb verb, const std::string& target, std::string body = {}) {
  http::request<http::string_body> request{verb, target, 11};
  request.set(http::field::host, "localhost");
  request.body() = std::move(body);
  request.prepare_payload();
  return request;
}

}  // namespace

TEST_CASE("the HTTP server decodes targets, keeps connections and bounds what it reads") {
  HttpServer::Options options;
  options.address = *parseAddress("127.0.0.1:0");
  options.maxBody = 100;
  options.maxHeader = 2000;
  auto server = HttpServer::start(options, [](const console::Request& request) {
    if (request.path == "/throw") throw std::runtime_error("secret detail");
    return console::Response::text(200, request.method + " " + request.path + " " +
                                            (request.query.contains("a b") ? request.query.at("a b") : "-") + " " +
                                            request.body + (request.fromLoopback ? " loopback" : ""));
  });
  REQUIRE(server.has_value());
  const auto address = (*server)->address();
  REQUIRE(address.port != 0);

  Client client(address);
  CHECK(client.ask(message(http::verb::get, "/x?a+b=c%2Fd&a%20b=%3C")).body() == "GET /x <  loopback");
  CHECK(client.ask(message(http::verb::post, "/y", "hello")).body() == "POST /y - hello loopback");
  const auto fault = client.ask(message(http::verb::get, "/throw"));
  CHECK(fault.result_int() == 500);
  CHECK(fault.body().find("secret") == std::string::npos);
  CHECK(Client(address).ask(message(http::verb::post, "/y", std::string(101, 'x'))).result_int() == 413);
  CHECK(Client(address).ask(message(http::verb::get, "/" + std::string(3000, 'x'))).result_int() == 431);
}

TEST_CASE("a caller on loopback is known as one by a server on all addresses too") {
  HttpServer::Options options;
  options.address = *parseAddress(":0");
  auto server = HttpServer::start(options, [](const console::Request& request) {
    return console::Response::text(200, request.fromLoopback ? "loopback" : "elsewhere");
  });
  REQUIRE(server.has_value());
  CHECK(Client(*parseAddress("127.0.0.1:" + std::to_string((*server)->address().port)))
            .ask(message(http::verb::get, "/"))
            .body() == "loopback");
}

TEST_CASE("a port in use is a clear error") {
  HttpServer::Options options;
  options.address = *parseAddress("127.0.0.1:0");
  const auto handler = [](const console::Request&) { return console::Response::text(200, ""); };
  auto first = HttpServer::start(options, handler);
  REQUIRE(first.has_value());
  options.address.port = (*first)->address().port;
  auto second = HttpServer::start(options, handler);
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.find(options.address.toString()) != std::string::npos);
}

TEST_CASE("the page of log levels: told, changed, as before; from this machine only") {
  const auto handler = console::adminHandler(sources(true), "1");
  const auto levels = [&](const console::Response& response) {
    std::map<std::string, std::string> result;
    for (const auto& one : nlohmann::json::parse(response.body)) result[one["scope"]] = one["level"];
    return result;
  };
  const auto post = [&](const std::string& name, const std::string& value) {
    auto request = get("/debug/logs", true, "POST");
    request.query[name] = value;
    return handler(request);
  };
  CHECK(levels(handler(get("/debug/logs"))).at("discovery") == "info");
  const auto changed = levels(post("level", "discovery:debug"));
  CHECK(changed.at("discovery") == "debug");
  CHECK(changed.at("kube") == "info");
  CHECK(post("level", "discovery:loud").status == 400);
  CHECK(post("level", "nowhere:debug").status == 400);
  CHECK(post("x", "y").status == 400);
  CHECK(levels(handler(get("/debug/logs"))) == changed);
  CHECK(handler(get("/debug/logs", false, "POST")).status == 403);
  CHECK(handler(get("/debug/logs", false)).status == 403);
  CHECK(levels(post("reset", "")).at("discovery") == "info");
}
