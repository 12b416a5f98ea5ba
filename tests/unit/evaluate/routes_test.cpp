#include "evaluate/routes_internal.h"

#include "listener.h"

namespace fairway::evaluate {

using envoy::config::route::v3::RouteConfiguration;
using envoy::config::route::v3::RouteMatch;

namespace {

Headers request(const std::string& path, const std::string& host = "h") {
  Headers headers;
  headers.set(":path", path);
  headers.set(":method", "GET");
  headers.set(":authority", host);
  return headers;
}

Truth match(const std::string& text, const std::string& path, const Metadata* metadata = nullptr) {
  return matchRoute(test::proto<RouteMatch>(text), request(path), metadata);
}

}  // namespace

TEST_CASE("Routes match by path, in each form", "[evaluate]") {
  CHECK(match(R"({"prefix": "/a"})", "/ab") == Truth::yes);
  CHECK(match(R"({"prefix": "/a"})", "/b") == Truth::no);
  CHECK(match(R"({"prefix": "/A", "caseSensitive": false})", "/ab") == Truth::yes);
  CHECK(match(R"({"path": "/a"})", "/a?x") == Truth::yes);
  CHECK(match(R"({"path": "/a"})", "/ab") == Truth::no);
  CHECK(match(R"({"pathSeparatedPrefix": "/a"})", "/a/b") == Truth::yes);
  CHECK(match(R"({"pathSeparatedPrefix": "/a"})", "/a?x") == Truth::yes);
  CHECK(match(R"({"pathSeparatedPrefix": "/a"})", "/ab") == Truth::no);
  CHECK(match(R"({"safeRegex": {"regex": "/a.*"}})", "/ab?x") == Truth::yes);
  CHECK(match(R"({"safeRegex": {"regex": "/a"}})", "/ab") == Truth::no);
  const std::string uri =
      R"({"pathMatchPolicy": {"name": "u", "typedConfig": {"@type": "type.googleapis.com/envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig", "pathTemplate": "/{x}"}}})";
  CHECK(match(uri, "/a") == Truth::yes);
  CHECK(match(uri, "/a/b") == Truth::no);
  CHECK(match("{}", "/a") == Truth::unknown);
}

TEST_CASE("Routes match by header, query and metadata", "[evaluate]") {
  CHECK(match(R"({"prefix": "/", "headers": [{"name": ":method", "stringMatch": {"exact": "GET"}}]})", "/") ==
        Truth::yes);
  CHECK(match(R"({"prefix": "/", "headers": [{"name": ":method", "stringMatch": {"exact": "PUT"}}]})", "/") ==
        Truth::no);
  const std::string query = R"({"prefix": "/", "queryParameters": [{"name": "q", "stringMatch": {"exact": "a b"}}]})";
  CHECK(match(query, "/?q=a%20b") == Truth::yes);
  CHECK(match(query, "/?q=b&q=a%20b") == Truth::no);
  CHECK(match(query, "/") == Truth::no);
  CHECK(match(R"({"prefix": "/", "queryParameters": [{"name": "q", "presentMatch": true}]})", "/?q") == Truth::yes);
  const Metadata metadata{{"f", {{"k", "v"}}}};
  const std::string claim =
      R"({"prefix": "/", "dynamicMetadata": [{"filter": "f", "path": [{"key": "k"}], "value": {"stringMatch": {"exact": "v"}}}]})";
  CHECK(match(claim, "/", &metadata) == Truth::yes);
  CHECK(match(claim, "/") == Truth::no);
  CHECK(match(R"({"prefix": "/", "grpc": {}})", "/") == Truth::unknown);
  CHECK(match(R"({"prefix": "/a", "grpc": {}})", "/") == Truth::no);
}

TEST_CASE("The virtual host is the one whose domain fits best", "[evaluate]") {
  const auto routes = test::proto<RouteConfiguration>(R"({"virtualHosts": [
    {"name": "any", "domains": ["*"], "routes": [{"name": "r", "match": {"prefix": "/a"}}]}, {"name": "suffix", "domains": ["*.x.example"]},
    {"name": "short", "domains": ["*.example"]}, {"name": "prefix", "domains": ["a.*"]}, {"name": "exact", "domains": ["A.x.example", "h:80"]}]})");
  const auto host = [&](const std::string& name) { return chooseRoute(routes, request("/", name), {}).host->name(); };
  CHECK(host("a.X.example") == "exact");
  CHECK(host("b.x.example") == "suffix");
  CHECK(host("b.example") == "short");
  CHECK(host("a.other") == "prefix");
  CHECK(host("other") == "any");
  CHECK(host("h:80") == "exact");
  CHECK(host("a.x.example:80") == "prefix");
  auto withoutPorts = routes;
  withoutPorts.set_ignore_port_in_host_matching(true);
  CHECK(chooseRoute(withoutPorts, request("/", "a.x.example:80"), {}).host->name() == "exact");
  CHECK(chooseRoute(routes, request("/a"), {}).route->name() == "r");
  CHECK(chooseRoute(routes, request("/b"), {}).found == Truth::no);
}

}  // namespace fairway::evaluate
