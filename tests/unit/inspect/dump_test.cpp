#include "inspect/dump.h"

#include <catch2/catch.hpp>

#include "inspect/cluster_name.h"
#include "inspect/fields.h"
#include "support.h"

using namespace fairway;
using inspect::Type;
using nlohmann::json;

TEST_CASE("an Envoy's dump: who it is, and its resources by type") {
  const auto dump = test::recorded("envoy.json");
  CHECK(dump.source == inspect::Dump::Source::envoy);
  CHECK(dump.proxy == "web-1.shop");
  const auto* cluster = dump.find(Type::cluster, "outbound|80|v1|reviews.shop.svc.cluster.local");
  REQUIRE(cluster != nullptr);
  CHECK(cluster->state == "ACTIVE");
  CHECK(cluster->version.size() == 32);
  CHECK(dump.find(Type::cluster, "none") == nullptr);
  const auto* route = dump.find(Type::route, "80");
  REQUIRE(route != nullptr);
  CHECK_FALSE(route->config.contains("virtual_hosts"));
  CHECK(dump.find(Type::virtual_host, "80/reviews.shop.svc.cluster.local:80") != nullptr);
}

TEST_CASE("the control plane's dump has the same resources, and how far each is") {
  const auto envoy = test::recorded("envoy.json"), sent = test::recorded("control-plane.json");
  CHECK(sent.source == inspect::Dump::Source::control_plane);
  CHECK(sent.proxy == "web-1.shop");
  CHECK(sent.settled);
  for (const auto type : {Type::cluster, Type::listener, Type::virtual_host}) {
    CAPTURE(inspect::shortName(type));
    CHECK_FALSE(sent.of(type).empty());
    for (const auto& resource : sent.of(type)) {
      CAPTURE(resource.name);
      CHECK(resource.state == "SYNCED");
      const auto* held = envoy.find(type, resource.name);
      REQUIRE(held != nullptr);
      if (type != Type::virtual_host) CHECK(held->version == resource.version);
    }
    CHECK(notesOf(sent, type).empty());
  }
}

TEST_CASE("warming, static and refused resources") {
  const json cluster{{"name", "c"}};
  const json page{
      {"configs",
       {{{"@type", "x.ClustersConfigDump"},
         {"static_clusters", {{{"cluster", {{"name", "s"}}}}}},
         {"dynamic_warming_clusters", {{{"cluster", cluster}}}}},
        {{"@type", "x.ListenersConfigDump"},
         {"dynamic_listeners",
          {{{"name", "never"}, {"error_state", {{"details", "cannot bind"}}}},
           {{"name", "kept"}, {"active_state", {{"listener", {{"name", "kept"}}}}}, {"error_state", json::object()}},
           {{"name", "leaving"}, {"draining_state", json::object()}}}}}}}};
  const auto dump = inspect::parseDump(page.dump()).value();
  CHECK(dump.find(Type::cluster, "s")->state == "STATIC");
  CHECK(dump.find(Type::cluster, "c")->state == "WARMING");
  REQUIRE(dump.of(Type::listener).size() == 1);
  CHECK(dump.of(Type::listener).front().name == "kept");
  REQUIRE(dump.refusals.size() == 2);
  CHECK(notesOf(dump, Type::listener) ==
        std::vector<std::string>{"listener never: Envoy refused the newest version: cannot bind",
                                 "listener kept: Envoy refused the newest version"});
  CHECK(notesOf(dump, Type::cluster) == std::vector<std::string>{"cluster c is still warming: it is not in use yet"});
}

TEST_CASE("the control plane tells of refused, stale and unsent resources") {
  const json page{{"proxy", "a.x"},
                  {"settled", false},
                  {"refusals", {{"CDS", "bad timeout"}}},
                  {"resources",
                   {{"CDS",
                     {{{"name", "c1"}, {"status", "REJECTED"}},
                      {{"name", "c2"}, {"status", "STALE"}},
                      {{"name", "c3"}, {"status", "NOT SENT"}},
                      {{"name", "c4"}, {"status", "SYNCED"}}}}}}};
  const auto dump = inspect::parseDump(page.dump()).value();
  CHECK_FALSE(dump.settled);
  CHECK(notesOf(dump, Type::cluster) ==
        std::vector<std::string>{"cluster c1: Envoy refused the newest version: bad timeout",
                                 "cluster c2: Envoy has not accepted this version yet",
                                 "cluster c3 was not sent: Envoy has not asked for it"});
}

TEST_CASE("what is no dump is told, and nothing in one is believed") {
  for (const std::string text : {"", "nonsense", "{}", "[]", "7", "{\"configs\": 7}", "{\"resources\": []}"}) {
    CAPTURE(text);
    CHECK_FALSE(inspect::parseDump(text));
  }
  const auto odd = inspect::parseDump(
      R"({"configs": [7, null, {"@type": 1}, {"@type": "x.ClustersConfigDump", "dynamic_active_clusters": [3, {}]},
          {"@type": "x.ListenersConfigDump", "dynamic_listeners": {"a": 1}},
          {"@type": "x.BootstrapConfigDump"},
          {"@type": "x.RoutesConfigDump", "dynamic_route_configs": [{"route_config": {"vhds": {}, "virtual_hosts": [5]}}]},
          {"@type": "x.SecretsConfigDump", "dynamic_active_secrets": [{"secret": 7}, null]}]})");
  REQUIRE(odd);
  CHECK(odd->proxy.empty());
}

TEST_CASE("names of clusters") {
  const auto name = inspect::parseClusterName("outbound|80|v1|reviews.shop.svc.cluster.local");
  CHECK(name.direction == "outbound");
  CHECK(name.port == 80);
  CHECK(name.subset == "v1");
  CHECK(name.fqdn == "reviews.shop.svc.cluster.local");
  CHECK(inspect::parseClusterName("BlackHoleCluster").fqdn == "BlackHoleCluster");
  CHECK(inspect::parseClusterName("a|b").direction.empty());
  CHECK(inspect::matches({.direction = "OUTBOUND", .port = 80}, name));
  CHECK_FALSE(inspect::matches({.subset = "v2"}, name));
}

TEST_CASE("addresses and origins") {
  CHECK(inspect::addressText({{"socket_address", {{"address", "10.0.0.1"}, {"port_value", 80}}}}) == "10.0.0.1:80");
  CHECK(inspect::addressText({{"socket_address", {{"address", "fd00::1"}, {"port_value", 80}}}}) == "[fd00::1]:80");
  CHECK(inspect::addressText({{"pipe", {{"path", "/run/x"}}}}) == "unix:/run/x");
  CHECK(inspect::addressText({{"envoy_internal_address", {{"server_listener_name", "l"}, {"endpoint_id", "1"}}}}) ==
        "envoy://l/1");
  CHECK(inspect::addressText(nullptr).empty());
  const auto withMetadata = [](const std::string& filter, const std::string& key, const std::string& text) {
    return json{{"metadata", {{"filter_metadata", {{filter, {{key, text}}}}}}}};
  };
  CHECK(inspect::originOf(withMetadata("fairway", "provenance", "VirtualService/onap/msb http[0]")).toString() ==
        "msb.onap");
  CHECK(inspect::originOf({{"name", "HTTPRoute/onap/msb rules[1]"}}).toString() == "msb.onap");
  CHECK(inspect::originOf({{"name", "80/msb.onap.svc.cluster.local:80"}}).toString().empty());
  CHECK(inspect::originOf({{"name", "default"}}).toString().empty());
  const auto istio = inspect::originOf(
      withMetadata("istio", "config", "/apis/networking.istio.io/v1/namespaces/default/destination-rule/reviews"));
  CHECK(istio.kind == "DestinationRule");
  CHECK(istio.toString() == "reviews.default");
  CHECK(inspect::originOf(json::object()).toString().empty());
}
