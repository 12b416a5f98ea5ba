#include "translate/bootstrap.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace fairway;
using namespace fairway::translate;
using nlohmann::json;

namespace {

constexpr const char* kType = "envoy.config.bootstrap.v3.Bootstrap";

std::string bytesOf(const std::string& text) { return fromJson(kType, text).value().bytes; }

constexpr const char* kBootstrap = R"({
  "node": {"id": "a", "metadata": {"LABELS": {"app": "web"}}},
  "static_resources": {"clusters": [{"name": "xds-grpc", "connect_timeout": "0.25s", "type": "STRICT_DNS"}]},
  "stats_flush_interval": "5s",
  "layered_runtime": {"layers": [{"name": "static", "static_layer": {"a": 1}}]}})";

}  // namespace

TEST_CASE("patches are merged in their order; what no patch speaks of stays") {
  const auto text = patchBootstrap(
      kBootstrap, {{Lists::append, bytesOf(R"({"static_resources": {"clusters": [{"name": "mine"}]}})")},
                   {Lists::append, bytesOf(R"({"stats_flush_interval": "7s"})")},
                   {Lists::replace, bytesOf(R"({"stats_flush_interval": "8s", "layered_runtime": {"layers": [
                                        {"name": "other", "static_layer": {"b": true}}]}})")}});
  REQUIRE(text.has_value());
  auto expected = json::parse(kBootstrap);
  expected["static_resources"]["clusters"].push_back({{"name", "mine"}});
  expected["static_resources"]["clusters"][0]["connect_timeout"] = "0.250s";
  expected["stats_flush_interval"] = "8s";
  expected["layered_runtime"]["layers"] = {{{"name", "other"}, {"static_layer", {{"b", true}}}}};
  CHECK(json::parse(*text) == expected);
}

TEST_CASE("without patches the bootstrap means what it did") {
  const auto text = patchBootstrap(kBootstrap, {});
  REQUIRE(text.has_value());
  CHECK(bytesOf(*text) == bytesOf(kBootstrap));
}

TEST_CASE("configuration of any type of Envoy's is kept in full") {
  const auto text =
      patchBootstrap(kBootstrap, {{Lists::append, bytesOf(R"({"stats_sinks": [{"name": "s", "typed_config": {
      "@type": "type.googleapis.com/envoy.config.metrics.v3.DogStatsdSink", "prefix": "p"}}]})")}});
  REQUIRE(text.has_value());
  CHECK(json::parse(*text)["stats_sinks"][0]["typed_config"] ==
        json{{"@type", "type.googleapis.com/envoy.config.metrics.v3.DogStatsdSink"}, {"prefix", "p"}});
}

TEST_CASE("what is no bootstrap is not merged") {
  CHECK_FALSE(patchBootstrap(kBootstrap, {{Lists::append, "\xff\xff"}}).has_value());
  CHECK_FALSE(patchBootstrap("{\"no_such_field\": 1}", {}).has_value());
}

TEST_CASE("a patch may not make the proxy somebody else, nor cut it off") {
  const auto [text, field] = GENERATE(table<std::string, std::string>({
      {R"({"node": {}})", ".node"},
      {R"({"dynamic_resources": {}})", ".dynamic_resources"},
      {R"({"static_resources": {"clusters": [{"name": "x"}, {"name": "xds-grpc"}]}})",
       ".static_resources.clusters[1].name"},
  }));
  const auto problem = bootstrapProblem(bytesOf(text));
  REQUIRE(problem.has_value());
  CHECK(problem->field == field);
  CHECK(problem->message.find("expected") != std::string::npos);
  CHECK_FALSE(bootstrapProblem(bytesOf(R"({"admin": {}, "stats_sinks": []})")).has_value());
}

TEST_CASE("the name of a resource says how it is merged") {
  CHECK(listsOfBootstrapPatch("1-2147483648-/shop/f/0000/merge") == Lists::append);
  CHECK(listsOfBootstrapPatch("0-2147483647-/shop/f/0003/replace") == Lists::replace);
  CHECK_FALSE(listsOfBootstrapPatch("1-2147483648-/shop/f/0000/other").has_value());
  CHECK_FALSE(listsOfBootstrapPatch("merge").has_value());
}
