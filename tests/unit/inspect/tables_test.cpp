#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "inspect/clusters.h"
#include "inspect/endpoints.h"
#include "inspect/listeners.h"
#include "inspect/routes.h"
#include "inspect/table.h"
#include "support.h"

using namespace fairway;
using inspect::Filter;
using nlohmann::json;

namespace {

using Rows = std::vector<std::vector<std::string>>;

const std::string kReviews = "outbound|80||reviews.shop.svc.cluster.local";

inspect::Dump dumpOf(const json& configs) { return inspect::parseDump(json{{"configs", configs}}.dump()).value(); }

inspect::Dump withListener(const json& listener) {
  return dumpOf({{{"@type", "x.ListenersConfigDump"},
                  {"dynamic_listeners", {{{"name", "l"}, {"active_state", {{"listener", listener}}}}}}}});
}

json socket(const std::string& address, int port) {
  return {{"socket_address", {{"address", address}, {"port_value", port}}}};
}

json chain(const std::string& type, const json& config, const json& match = nullptr) {
  auto typed = config;
  typed["@type"] = "type.googleapis.com/x." + type;
  json result{{"filters", {{{"name", "other"}}, {{"typed_config", typed}}}}};
  if (!match.is_null()) result["filter_chain_match"] = match;
  return result;
}

}  // namespace

TEST_CASE("columns are as wide as their widest cell; an empty one is a dash") {
  inspect::Table table{{"A", "LONG HEADER", "C"}, {{"1", "", "x"}, {"long cell", "ü", ""}}};
  CHECK(inspect::tableText(table) ==
        "A           LONG HEADER   C\n"
        "1           -             x\n"
        "long cell   ü             -\n");
  table.rows.push_back(table.rows.front());
  table.sort();
  CHECK(table.rows.size() == 2);
}

TEST_CASE("clusters, from Envoy and from the control plane alike") {
  for (const std::string name : {"envoy.json", "control-plane.json"}) {
    CAPTURE(name);
    const auto dump = test::recorded(name);
    CHECK(inspect::tableText(clustersTable(dump, {})) ==
          "SERVICE FQDN                     PORT   SUBSET   DIRECTION   TYPE     DESTINATION RULE\n"
          "-                                8080   -        inbound     STATIC   -\n"
          "BlackHoleCluster                 -      -        -           STATIC   -\n"
          "reviews.shop.svc.cluster.local   80     -        outbound    EDS      reviews-rule.shop\n"
          "reviews.shop.svc.cluster.local   80     v1       outbound    EDS      reviews-rule.shop\n"
          "reviews.shop.svc.cluster.local   9000   -        outbound    EDS      reviews-rule.shop\n"
          "reviews.shop.svc.cluster.local   9000   v1       outbound    EDS      reviews-rule.shop\n"
          "web.shop.svc.cluster.local       8000   -        outbound    EDS      -\n");
    CHECK(clustersTable(dump, {.direction = "inbound"}).rows.size() == 1);
    CHECK(clustersTable(dump, {.subset = "v1", .port = 9000}).rows.size() == 1);
    const auto selected = clustersJson(dump, {.fqdn = "web.shop.svc.cluster.local"});
    REQUIRE(selected.size() == 1);
    CHECK(selected[0]["name"] == "outbound|8000||web.shop.svc.cluster.local");
    CHECK(clustersJson(dump, {.fqdn = "none"}) == json::array());
  }
}

TEST_CASE("listeners: a row for each filter chain") {
  for (const std::string name : {"envoy.json", "control-plane.json"}) {
    CAPTURE(name);
    const auto dump = test::recorded(name);
    CHECK(inspect::tableText(listenersTable(dump, {})) ==
          "ADDRESSES    PORT   MATCH                    DESTINATION\n"
          "10.30.77.3   80     ALL                      Route: 80\n"
          "10.30.77.3   8000   ALL                      Route: 8000\n"
          "10.30.77.1   8080   Trans: tls; App: istio   Inline Route: /*\n"
          "10.30.77.1   8080   Trans: tls               Cluster: inbound|8080||\n"
          "10.30.77.1   8080   Trans: raw_buffer        Inline Route: /*\n"
          "10.30.77.3   9000   ALL                      Cluster: outbound|9000||reviews.shop.svc.cluster.local\n");
    CHECK(listenersTable(dump, {.port = 8080}).rows.size() == 3);
    CHECK(listenersTable(dump, {.type = "tcp"}).rows.size() == 1);
    CHECK(listenersTable(dump, {.type = "HTTP+TCP"}).rows.size() == 3);
    CHECK(listenersJson(dump, {.address = "10.30.77.1"}).size() == 1);
    CHECK(listenersJson(dump, {.type = "HTTP"}).size() == 2);
  }
}

TEST_CASE("matches and destinations of filter chains") {
  const json match{{"transport_protocol", "tls"},
                   {"server_names", {"a.example", "b.example"}},
                   {"destination_port", 443},
                   {"prefix_ranges", {{{"address_prefix", "10.0.0.0"}, {"prefix_len", 8}}}},
                   {"source_prefix_ranges", {{{"address_prefix", "10.1.0.0"}, {"prefix_len", 16}}}}};
  const json weighted{
      {"weighted_clusters", {{"clusters", {{{"name", "a"}, {"weight", 90}}, {{"name", "b"}, {"weight", 10}}}}}}};
  const json inlineRoutes{{"route_config",
                           {{"virtual_hosts",
                             {{{"routes",
                                {{{"match", {{"prefix", "/api"}}}},
                                 {{"match", {{"path", "/x"}}}},
                                 {{"match", {{"prefix", "/api"}}}}}}}}}}}};
  const auto dump = withListener({{"address", socket("0.0.0.0", 15006)},
                                  {"additional_addresses", {{{"address", socket("::", 15006)}}}},
                                  {"filter_chains",
                                   {chain("TcpProxy", weighted, match), chain("HttpConnectionManager", inlineRoutes),
                                    chain("RedisProxy", json::object(), {{"destination_port", 6379}})}},
                                  {"default_filter_chain", chain("TcpProxy", {{"cluster", "PassthroughCluster"}})}});
  const std::string addresses = "0.0.0.0,::";
  CHECK(listenersTable(dump, {}).rows ==
        Rows{{addresses, "15006", "Trans: tls; SNI: a.example,b.example; Addr: 10.0.0.0/8:443; From: 10.1.0.0/16",
              "Cluster: a (weight 90), b (weight 10)"},
             {addresses, "15006", "ALL", "Inline Route: /api*, /x"},
             {addresses, "15006", "Addr: *:6379", "Non-HTTP/Non-TCP"},
             {addresses, "15006", "ALL", "Cluster: PassthroughCluster"}});
  CHECK(listenersTable(dump, {.address = "::"}).rows.size() == 4);
}

TEST_CASE("routes come with their virtual hosts, however these were sent") {
  for (const std::string name : {"envoy.json", "control-plane.json"}) {
    CAPTURE(name);
    const auto dump = test::recorded(name);
    const std::string host = "reviews.shop.svc.cluster.local:80";
    const std::string domains = "reviews.shop.svc.cluster.local, reviews.shop.svc + 3 more...";
    CHECK(routesTable(dump, {.name = "80"}).rows ==
          Rows{{"80", "allow_any", "*", "/*", "502"},
               {"80", host, domains, "/v1*; header end-user", "reviews-routes.shop"},
               {"80", host, domains, "/*", "reviews-routes.shop"}});
    const auto tables = routesJson(dump, {.name = "80"});
    REQUIRE(tables.size() == 1);
    CHECK(tables[0]["virtual_hosts"].size() == 2);
    CHECK_FALSE(tables[0]["virtual_hosts"][0].contains("@type"));
  }
}

TEST_CASE("paths of routes") {
  CHECK(inspect::pathText({{"prefix", "/"}}) == "/*");
  CHECK(inspect::pathText({{"path", "/a"}}) == "/a");
  CHECK(inspect::pathText({{"path_separated_prefix", "/a"}}) == "/a[/*]");
  CHECK(inspect::pathText({{"safe_regex", {{"regex", "/a.+"}}}}) == "regex /a.+");
  CHECK(inspect::pathText({{"connect_matcher", json::object()}}) == "CONNECT");
  CHECK(inspect::pathText(nullptr) == "/*");
}

TEST_CASE("endpoints: the live view knows outliers, the configuration does not") {
  auto dump = test::recorded("envoy.json");
  CHECK(endpointsTable(dump, {.cluster = kReviews}).rows == Rows{{"10.30.78.1:8080", "HEALTHY", "", kReviews}});
  CHECK(endpointsTable(dump, {.port = 9000}).rows.size() == 2);
  CHECK(endpointsJson(dump, {.cluster = kReviews})[0]["cluster_name"] == kReviews);
  CHECK(endpointsJson(dump, {.status = "UNHEALTHY"}) == json::array());

  auto live = test::recorded("clusters.json");
  CHECK(endpointsTable(live, {.cluster = kReviews}).rows == Rows{{"10.30.78.1:8080", "HEALTHY", "OK", kReviews}});
  for (auto& cluster : live.clusterStatuses) {
    if (cluster["name"] == kReviews) cluster["host_statuses"][0]["health_status"]["failed_outlier_check"] = true;
  }
  CHECK(endpointsTable(live, {.cluster = kReviews}).rows[0][2] == "FAILED");
  for (auto& cluster : live.clusterStatuses) {
    if (cluster["name"] == kReviews) cluster["host_statuses"][0]["health_status"]["failed_active_health_check"] = true;
  }
  CHECK(endpointsTable(live, {.status = "unhealthy"}).rows.size() == 1);
  CHECK(endpointsJson(live, {.port = 8080, .address = "10.30.78.1"}).size() == 2);
  CHECK(endpointsJson(live, {.address = "192.0.2.1"}) == json::array());
}
