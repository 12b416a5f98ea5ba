#include "servicegraph/site.h"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "servicegraph/assets.h"

using namespace fairway;
using namespace fairway::servicegraph;

namespace {

console::Request request(const std::string& path, std::map<std::string, std::string> query = {},
                         const std::string& method = "GET") {
  console::Request result;
  result.method = method;
  result.path = path;
  result.query = std::move(query);
  return result;
}

struct World {
  bool away = false;
  Source source{
      {},
      std::make_unique<Prometheus>([this](const std::string& target, std::chrono::milliseconds) -> Result<HttpAnswer> {
        if (away) return failure("nobody is there");
        const bool tcp = target.find("tcp") != std::string::npos;
        return HttpAnswer{
            200,
            std::string(R"({"status":"success","data":{"resultType":"vector","result":[)") +
                (tcp ? ""
                     : R"({"metric":{"source_workload":"w","source_app":"a","destination_workload":"x","destination_app":"b"},"value":[1,"1"]})") +
                "]}}"};
      }),
      nullptr};
  Site site{source};
};

}  // namespace

TEST_CASE("the pages are there with their types, and under a policy that loads nothing from elsewhere") {
  World world;
  struct Row {
    const char* path;
    const char* type;
  };
  const std::vector<Row> rows{{"/", "text/html; charset=utf-8"},
                              {"/dotviz", "text/html; charset=utf-8"},
                              {"/force/forcegraph.html", "text/html; charset=utf-8"},
                              {"/main.js", "text/javascript; charset=utf-8"},
                              {"/graph.css", "text/css; charset=utf-8"},
                              {"/icon.svg", "image/svg+xml"}};
  for (const auto& row : rows) {
    CAPTURE(row.path);
    const auto answer = world.site.answer(request(row.path));
    CHECK(answer.status == 200);
    CHECK(answer.contentType == row.type);
    CHECK(answer.body.size() > 50);
    REQUIRE_FALSE(answer.headers.empty());
    CHECK(answer.headers[0].first == "content-security-policy");
    CHECK_THAT(answer.headers[0].second, Catch::StartsWith("default-src 'self';"));
  }
  for (const auto* path : {"/nothing", "/force", "/force/", "/pages/main.js", "/../main.js", "//main.js"}) {
    CAPTURE(path);
    CHECK(world.site.answer(request(path)).status == 404);
  }
  for (const auto& asset : assets()) {
    CAPTURE(asset.path);
    CHECK(asset.content.find("https://") == std::string_view::npos);
    CHECK(asset.content.find("<script>") == std::string_view::npos);
    CHECK(asset.content.find("style=\"") == std::string_view::npos);
    CHECK(asset.content.find("innerHTML") == std::string_view::npos);
  }
}

TEST_CASE("errors of the old paths are 500 with their text") {
  World world;
  for (const auto* path : {"/graph", "/d3graph", "/dotgraph"}) {
    CAPTURE(path);
    CHECK(world.site.answer(request(path)).status == 200);
    const auto bad = world.site.answer(request(path, {{"time_horizon", "soon"}}));
    CHECK(bad.status == 500);
    CHECK_THAT(bad.body, Catch::Contains("not a valid duration"));
  }
  world.away = true;
  const auto away = world.site.answer(request("/graph"));
  CHECK(away.status == 500);
  CHECK_THAT(away.body, Catch::Contains("nobody is there"));
}

TEST_CASE("nodes are added by POST, so many and so long") {
  World world;
  CHECK(world.site.answer(request("/node", {{"name", "n"}})).status == 501);
  CHECK(world.site.answer(request("/node", {}, "POST")).status == 400);
  CHECK(world.site.answer(request("/node", {{"name", std::string(1000, 'x')}}, "POST")).status == 400);
  CHECK(world.site.answer(request("/node", {{"name", "mine"}}, "POST")).status == 200);
  const auto graph = nlohmann::json::parse(world.site.answer(request("/graph")).body);
  CHECK(graph["nodes"] == nlohmann::json({{"a (w)", nlohmann::json::object()},
                                          {"b (x)", nlohmann::json::object()},
                                          {"mine", nlohmann::json::object()}}));
  for (int i = 0; i < 1000; ++i) world.site.answer(request("/node", {{"name", std::to_string(i)}}, "POST"));
  CHECK(world.site.answer(request("/node", {{"name", "one more"}}, "POST")).status == 400);
  CHECK(world.site.answer(request("/node", {{"name", "mine"}}, "POST")).status == 200);
}

TEST_CASE("our own graph is of the time ranges that there are") {
  World world;
  CHECK(nlohmann::json::parse(world.site.answer(request("/api/graph")).body)["window"] == "5m");
  CHECK(nlohmann::json::parse(world.site.answer(request("/api/graph", {{"window", "1h"}})).body)["window"] == "1h");
  const auto bad = world.site.answer(request("/api/graph", {{"window", "2m"}}));
  CHECK(bad.status == 400);
  CHECK_THAT(bad.body, Catch::Contains("1m, 5m, 15m"));
  CHECK(world.site.answer(request("/api/graph", {}, "DELETE")).status == 405);
  CHECK(Site::asks(request("/api/graph")));
  CHECK(Site::asks(request("/dotgraph")));
  CHECK_FALSE(Site::asks(request("/")));
  CHECK_FALSE(Site::asks(request("/dotviz")));
}
