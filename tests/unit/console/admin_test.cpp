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
  const auto proxies = [] {
    return nlohmann::json::array({{{"id", "sidecar~1.2.3.4~<b>.onap~x"}, {"settled", false}, {"sent", 3}},
                                  {{"id", "other"}, {"settled", true}, {"sent", 4}}});
  };
  using console::column;
  using Look = console::Cell::Look;
  result.pages.push_back({"proxies",
                          "Connected proxies",
                          "Each proxy.",
                          proxies,
                          {column("proxy", "id", Look::code), column("sent", "sent", Look::number),
                           console::flag("state", "settled", "in sync", Look::good, "behind", Look::warning)}});
  result.pages.push_back({"notes",
                          "Notes",
                          "What authors should know.",
                          [] {
                            return nlohmann::json::array({{{"object", "Policy/onap/x"}, {"message", "<script>"}}});
                          },
                          {column("object", "object"), column("message", "message")}});
  result.pages.push_back({"engine",
                          "Engine",
                          "The engine.",
                          [] {
                            return nlohmann::json{{"lastBatch", 1}, {"queue", {{"<objects>", 2}}}};
                          },
                          {}});
  result.pages.push_back({"units", "Units", "Large.", [] { return nlohmann::json::array(); }, {}, true});
  result.overview = [] { return nlohmann::json{{"ready", true}}; };
  result.configDump = [](const std::string& proxy) -> std::optional<nlohmann::json> {
    if (proxy != "p&q") return std::nullopt;
    return nlohmann::json{{"proxy", proxy}, {"text", "\xff"}};
  };
  result.discovery = [](const std::string& path, const std::string& body) {
    return console::Response::json("{\"" + path + "\": " + body + "}");
  };
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

namespace {

std::string browse(const std::string& path, const std::string& filter = {}) {
  auto request = get(path);
  request.accept = "text/html,application/xhtml+xml,*/*;q=0.8";
  if (!filter.empty()) request.query["filter"] = filter;
  const auto response = console::adminHandler(sources(true), "1.0")(request);
  CHECK(response.status == 200);
  CHECK(response.contentType == "text/html; charset=utf-8");
  return response.body;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the index lists every page with what it shows") {
  const auto page = console::adminHandler(sources(true), "1.0")(get("/debug")).body;
  for (const std::string path : {"proxies", "notes", "engine", "units", "config_dump"}) {
    CAPTURE(path);
    CHECK(contains(page, "<a href=\"/debug/" + path + "\">/debug/" + path + "</a>"));
  }
  CHECK(contains(page, "Each proxy."));
  auto request = get("/debug");
  request.query["format"] = "json";
  const auto list = nlohmann::json::parse(console::adminHandler(sources(true), "1.0")(request).body);
  CHECK(list.at(0) == nlohmann::json{{"page", "/debug/proxies"}, {"about", "Each proxy."}});
}

TEST_CASE("programs get JSON, browsers a table of it") {
  const auto handler = console::adminHandler(sources(true), "1.0");
  const auto data = handler(get("/debug/proxies"));
  CHECK(data.contentType == "application/json");
  CHECK(nlohmann::json::parse(data.body).size() == 2);
  auto request = get("/debug/proxies");
  request.accept = "*/*";
  CHECK(handler(request).contentType == "application/json");
  request.query["format"] = "html";
  CHECK(handler(request).contentType == "text/html; charset=utf-8");
  request.accept = "text/html";
  request.query["format"] = "json";
  CHECK(handler(request).contentType == "application/json");
  // A table of it would be of no use.
  request = get("/debug/units");
  request.accept = "text/html";
  CHECK(handler(request).contentType == "application/json");
}

TEST_CASE("tables escape what objects and proxies say, and mark how it reads") {
  const auto notes = browse("/debug/notes");
  CHECK_FALSE(contains(notes, "<script>"));
  CHECK(contains(notes, "&lt;script&gt;"));
  const auto proxies = browse("/debug/proxies");
  CHECK(contains(proxies, "&lt;b&gt;"));
  CHECK(contains(proxies, "<td class=warning>behind</td>"));
  CHECK(contains(proxies, "<td class=good>in sync</td>"));
  CHECK(contains(proxies, "<th scope=col>proxy</th>"));
  CHECK(contains(browse("/debug/engine"), "<h2>queue</h2><dl><dt>&lt;objects&gt;</dt><dd>2</dd>"));
}

TEST_CASE("a filter leaves the rows that hold its text, and is escaped itself") {
  const auto page = browse("/debug/proxies", "OTHER");
  CHECK(contains(page, "1 row of 2"));
  CHECK_FALSE(contains(page, "1.2.3.4"));
  const auto none = browse("/debug/proxies", "\"><script>");
  CHECK_FALSE(contains(none, "<script>"));
  CHECK(contains(none, "value=\"&quot;&gt;&lt;script&gt;\""));
  CHECK(contains(none, "0 rows of 2"));
}

TEST_CASE("of many rows a page has the first, and says so") {
  auto rows = nlohmann::json::array();
  for (int i = 0; i < 20; ++i) rows.push_back({{"n", i}});
  const auto html = console::table({console::column("n", "n")}, rows, {}, 5);
  CHECK(contains(html, "<td>4</td>"));
  CHECK_FALSE(contains(html, "<td>5</td>"));
  CHECK(contains(html, "20 rows, the first 5 of them here"));
}

TEST_CASE("debug pages do not answer to a name that another site may have chosen") {
  const auto handler = console::adminHandler(sources(true), "1.0");
  for (const std::string host : {"", "localhost", "localhost:15014", "127.0.0.1:15014", "[::1]:15014", "[::1]"}) {
    CAPTURE(host);
    auto request = get("/debug/proxies");
    request.host = host;
    CHECK(handler(request).status == 200);
  }
  for (const std::string host : {"example.com", "example.com:15014", "127.0.0.1.example.com", "x:y:z"}) {
    CAPTURE(host);
    auto request = get("/debug/proxies");
    request.host = host;
    CHECK(handler(request).status == 403);
    request.path = "/ready";
    CHECK(handler(request).status == 200);
  }
}

TEST_CASE("the style sheet knows dark and light, and asks for nothing else") {
  const auto style = console::adminHandler(sources(true), "1.0")(get("/debug/style.css"));
  CHECK(style.contentType == "text/css; charset=utf-8");
  CHECK(contains(style.body, "prefers-color-scheme: dark"));
  CHECK_FALSE(contains(style.body, "url("));
  CHECK_FALSE(contains(style.body, "@import"));
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
    if (request.path == "/html") return console::Response::html(request.accept + " " + request.host);
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
  auto asked = message(http::verb::get, "/html");
  asked.set(http::field::accept, "text/html");
  const auto html = client.ask(asked);
  CHECK(html.body() == "text/html localhost");
  CHECK(std::string(html["content-security-policy"]).starts_with("default-src 'none';"));
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
