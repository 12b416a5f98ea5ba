#include "translate/envoy_api.h"

#include <envoy/config/cluster/v3/cluster.pb.h>
#include <envoy/config/listener/v3/listener.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <catch2/catch.hpp>

#include "resources.h"
#include "translate/any.h"

using namespace fairway::translate;
using envoy::config::cluster::v3::Cluster;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter;

namespace {

constexpr const char* kFilter = "envoy.extensions.filters.network.http_connection_manager.v3.HttpFilter";
constexpr const char* kCluster = "envoy.config.cluster.v3.Cluster";

Cluster cluster(const std::string& json) {
  const auto read = fromJson(kCluster, json);
  REQUIRE(read);
  CHECK(read->ignored.empty());
  Cluster result;
  REQUIRE(result.ParseFromString(read->bytes));
  return result;
}

}  // namespace

TEST_CASE("JSON of types that no code was generated for") {
  const auto read = fromJson(kFilter, R"({"name": "lua", "typed_config": {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua", "inlineCode": "x"}})");
  REQUIRE(read);
  HttpFilter filter;
  REQUIRE(filter.ParseFromString(read->bytes));
  CHECK(filter.typed_config().type_url() == "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua");
  CHECK(filter.typed_config().value() == std::string("\x0a\x01x"));
  // By name as in the API, and without a type behind it.
  CHECK(fromJson(kFilter, R"({"name": "x", "typed_config": {
      "@type": "type.googleapis.com/xds.type.v3.TypedStruct", "type_url": "x/y", "value": {"a": [1, {"b": null}]}}})"));
  CHECK(isEnvoyType("envoy.extensions.filters.http.oauth2.v3.OAuth2"));
  CHECK(isEnvoyType("google.protobuf.Struct"));
  CHECK_FALSE(isEnvoyType("envoy.config.filter.http.lua.v2.Lua"));
}

TEST_CASE("JSON that does not fit is told with its place") {
  struct Row {
    std::string json, field, text;
  };
  for (const auto& row : std::vector<Row>{
           {"[", "", "no JSON"},
           {R"({"name": ["x"]})", "", "name"},
           {R"({"typed_config": {"@type": "type.googleapis.com/envoy.config.filter.http.lua.v2.Lua"}})",
            ".typed_config.@type", "version 2"},
           {R"({"typed_config": {"@type": "type.googleapis.com/istio.envoy.config.filter.http.peer_metadata.Config"}})",
            ".typed_config.@type", "Istio's own proxy"},
           {R"({"typed_config": {"@type": "type.googleapis.com/no.Such"}})", ".typed_config.@type", "expected one of"},
           {R"({"typed_config": {"@type": "Lua"}})", ".typed_config.@type", "expected type.googleapis.com/"},
           {R"({"typed_config": {"@type": "type.googleapis.com/envoy.config.core.v3.Metadata", "filter_metadata":
               {"a": {"x": {"@type": "type.googleapis.com/x.Y"}}}}})",
            ".typed_config.filter_metadata.a.x.@type", "no type 'x.Y'"},
       }) {
    INFO(row.json);
    const auto read = fromJson(kFilter, row.json);
    REQUIRE_FALSE(read);
    CHECK(read.error().field == row.field);
    INFO(read.error().message);
    CHECK(read.error().message.find(row.text) != std::string::npos);
  }
}

TEST_CASE("a field that the type does not have is passed over, and told") {
  const auto read = fromJson(kCluster, R"({"name": "x", "hosts": [], "lb_policy": "RANDOM"})");
  REQUIRE(read);
  CHECK(read->ignored.find("hosts") != std::string::npos);
  Cluster result;
  REQUIRE(result.ParseFromString(read->bytes));
  CHECK(result.lb_policy() == Cluster::RANDOM);
}

TEST_CASE("merging: messages are joined, lists get longer or are replaced, values are set") {
  const std::string base = R"({"name": "x", "connect_timeout": "10s", "lb_policy": "RANDOM",
      "per_connection_buffer_limit_bytes": 5, "alt_stat_name": "a",
      "circuit_breakers": {"thresholds": [{"max_connections": 1}]},
      "dns_resolvers": [{"pipe": {"path": "/a"}}],
      "metadata": {"filter_metadata": {"a": {"x": 1, "y": 1}, "b": {}}},
      "upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 3, "keepalive_probes": 9}}})";
  const std::string patch = R"({"connect_timeout": "0.5s", "per_connection_buffer_limit_bytes": 0,
      "circuit_breakers": {"thresholds": [{"max_connections": 2}]},
      "dns_resolvers": [{"pipe": {"path": "/b"}}],
      "metadata": {"filter_metadata": {"a": {"z": 1}}},
      "upstream_connection_options": {"tcp_keepalive": {"keepalive_time": 4}}})";
  auto result = cluster(base);
  merge(result, cluster(patch), Lists::append);
  CHECK(result.connect_timeout().seconds() == 0);
  CHECK(result.connect_timeout().nanos() == 500'000'000);
  CHECK(result.per_connection_buffer_limit_bytes().value() == 0);
  CHECK(result.lb_policy() == Cluster::RANDOM);
  CHECK(result.circuit_breakers().thresholds_size() == 2);
  CHECK(result.dns_resolvers_size() == 2);
  // An entry of a map is replaced, the others stay.
  CHECK(result.metadata().filter_metadata().at("a").fields_size() == 1);
  CHECK(result.metadata().filter_metadata().contains("b"));
  CHECK(result.upstream_connection_options().tcp_keepalive().keepalive_time().value() == 4);
  CHECK(result.upstream_connection_options().tcp_keepalive().keepalive_probes().value() == 9);

  auto replaced = cluster(base);
  merge(replaced, cluster(patch), Lists::replace);
  REQUIRE(replaced.circuit_breakers().thresholds_size() == 1);
  CHECK(replaced.circuit_breakers().thresholds(0).max_connections().value() == 2);
  CHECK(replaced.dns_resolvers_size() == 1);
  auto same = cluster(base);
  merge(same, cluster("{}"), Lists::replace);
  CHECK(serialize(same) == serialize(cluster(base)));
}

TEST_CASE("merging serialized messages gives what merging messages does, and the same bytes each time") {
  const std::string base = R"({"name": "x", "metadata": {"filter_metadata": {"a": {}, "b": {}, "c": {}}}})";
  const std::string patch = R"({"connect_timeout": "1s", "metadata": {"filter_metadata": {"d": {}}}})";
  auto message = cluster(base);
  merge(message, cluster(patch), Lists::append);
  auto bytes = serialize(cluster(base));
  REQUIRE(mergeBytes(kCluster, bytes, serialize(cluster(patch)), Lists::append));
  CHECK(bytes == serialize(message));
  CHECK_FALSE(mergeBytes("no.Such", bytes, bytes, Lists::append));
  std::string broken = "\xff";
  CHECK_FALSE(mergeBytes(kCluster, broken, bytes, Lists::append));
}
