#include "inspect/difference.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include "support.h"

using namespace fairway;
using inspect::Difference;
using inspect::Type;
using nlohmann::json;

namespace {

const std::string kReviews = "outbound|80||reviews.shop.svc.cluster.local";
const std::string kHost = "80/reviews.shop.svc.cluster.local:80";

json envoyPage() { return json::parse(test::recordedText("envoy.json")); }
json sentPage() { return json::parse(test::recordedText("control-plane.json")); }

std::vector<inspect::TypeComparison> compared(const json& sent, const json& envoy) {
  return inspect::compare(inspect::parseDump(sent.dump()).value(), inspect::parseDump(envoy.dump()).value());
}

// All differences, which must be of this type.
std::vector<Difference> onlyIn(Type type, const std::vector<inspect::TypeComparison>& comparison) {
  for (const auto& each : comparison) {
    CAPTURE(inspect::shortName(each.type));
    if (each.type != type) CHECK(each.differences.empty());
  }
  return comparison[static_cast<std::size_t>(type)].differences;
}

json& clusterIn(json& envoy, const std::string& name) {
  for (auto& each : test::partOf(envoy, "ClustersConfigDump")["dynamic_active_clusters"]) {
    if (each["cluster"]["name"] == name) return each["cluster"];
  }
  throw std::runtime_error(name);
}

json& assignmentIn(json& envoy, const std::string& name) {
  for (auto& each : test::partOf(envoy, "EndpointsConfigDump")["dynamic_endpoint_configs"]) {
    if (each["endpoint_config"]["cluster_name"] == name) return each["endpoint_config"];
  }
  throw std::runtime_error(name);
}

}  // namespace

TEST_CASE("what a real Envoy holds equals what was sent") {
  const auto comparison = compared(sentPage(), envoyPage());
  for (const auto& each : comparison) CHECK(each.differences.empty());
  CHECK(inspect::equal(comparison));
  CHECK(inspect::comparisonText(comparison) ==
        "Clusters Match\nEndpoints Match\nListeners Match\nRoutes Match\nVirtual hosts Match\nSecrets Match\n");
  CHECK(inspect::comparisonJson("web-1.shop", comparison)["match"] == true);
}

TEST_CASE("a changed field is the only line of the diff") {
  auto envoy = envoyPage();
  clusterIn(envoy, kReviews)["connect_timeout"] = "77s";
  const auto comparison = compared(sentPage(), envoy);
  CHECK_FALSE(inspect::equal(comparison));
  const auto differences = onlyIn(Type::cluster, comparison);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].kind == Difference::Kind::changed);
  CHECK(differences[0].name == kReviews);
  CHECK(differences[0].diff.find("\n-  \"connect_timeout\": \"10s\",\n+  \"connect_timeout\": \"77s\",\n") !=
        std::string::npos);
  const auto text = inspect::comparisonText(comparison);
  CHECK(text.starts_with("Clusters Don't Match: 1 changed\n--- control plane: cluster " + kReviews +
                         " (SYNCED)\n+++ Envoy: cluster " + kReviews + "\n@@ "));
  const auto value = inspect::comparisonJson("web-1.shop", comparison);
  CHECK(value["types"]["CDS"]["differences"][0]["kind"] == "changed");
  CHECK(value["types"]["LDS"]["match"] == true);
}

TEST_CASE("a virtual host that is not there, and one that nobody sent") {
  auto envoy = envoyPage();
  for (auto& each : test::partOf(envoy, "RoutesConfigDump")["dynamic_route_configs"]) {
    for (auto& host : each["route_config"]["virtual_hosts"]) {
      if (host["name"] == kHost) host["name"] = "80/stranger";
    }
  }
  const auto comparison = compared(sentPage(), envoy);
  const auto differences = onlyIn(Type::virtual_host, comparison);
  REQUIRE(differences.size() == 2);
  CHECK(differences[0].name == kHost);
  CHECK(differences[0].kind == Difference::Kind::missing);
  CHECK(differences[1].kind == Difference::Kind::extra);
  CHECK(inspect::comparisonText(comparison)
            .find("Virtual hosts Don't Match: 1 missing, 1 extra\n- virtual host " + kHost +
                  ": Envoy does not have it (SYNCED)\n+ virtual host 80/stranger: only Envoy has it\n") !=
        std::string::npos);
}

TEST_CASE("a refused listener is missing, with Envoy's reason, and what only it would need is not") {
  auto sent = sentPage();
  for (auto& listener : sent["resources"]["LDS"]) {
    if (listener["name"] != "0.0.0.0_80") continue;
    listener["status"] = "REJECTED";
    sent["refusals"]["LDS"] = "cannot bind";
  }
  auto envoy = envoyPage();
  auto& listeners = test::partOf(envoy, "ListenersConfigDump")["dynamic_listeners"];
  const auto before = listeners.size();
  listeners.erase(
      std::remove_if(listeners.begin(), listeners.end(), [](const json& l) { return l["name"] == "0.0.0.0_80"; }),
      listeners.end());
  REQUIRE(listeners.size() == before - 1);
  auto& routes = test::partOf(envoy, "RoutesConfigDump")["dynamic_route_configs"];
  routes.erase(
      std::remove_if(routes.begin(), routes.end(), [](const json& r) { return r["route_config"]["name"] == "80"; }),
      routes.end());
  const auto comparison = compared(sent, envoy);
  const auto differences = onlyIn(Type::listener, comparison);
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].kind == Difference::Kind::missing);
  CHECK(differences[0].state == "REJECTED");
  CHECK(differences[0].reason == "cannot bind");
  CHECK(inspect::comparisonText(comparison).find("  refused by Envoy: cannot bind\n") != std::string::npos);
}

TEST_CASE("endpoints differ by address, locality, priority and weight, not by what Envoy adds") {
  auto envoy = envoyPage();
  assignmentIn(envoy, kReviews)["policy"]["overprovisioning_factor"] = 150;
  CHECK(inspect::equal(compared(sentPage(), envoy)));
  auto& host = assignmentIn(envoy, kReviews)["endpoints"][0]["lb_endpoints"][0];
  SECTION("address") { host["endpoint"]["address"]["socket_address"]["port_value"] = 9999; }
  SECTION("weight") { host["load_balancing_weight"] = 7; }
  SECTION("priority") { assignmentIn(envoy, kReviews)["endpoints"][0]["priority"] = 1; }
  SECTION("locality") { assignmentIn(envoy, kReviews)["endpoints"][0]["locality"]["region"] = "elsewhere"; }
  SECTION("one less") { assignmentIn(envoy, kReviews)["endpoints"] = json::array(); }
  const auto differences = onlyIn(Type::endpoint, compared(sentPage(), envoy));
  REQUIRE(differences.size() == 1);
  CHECK(differences[0].name == kReviews);
  CHECK_FALSE(differences[0].diff.empty());
}

TEST_CASE("a dump without endpoints is not taken for one where all are lost") {
  auto envoy = envoyPage();
  test::partOf(envoy, "EndpointsConfigDump") = json{{"@type", "x.Nothing"}};
  const auto comparison = compared(sentPage(), envoy);
  CHECK(inspect::equal(comparison));
  CHECK_FALSE(comparison[1].known);
  CHECK(inspect::comparisonText(comparison).find("Endpoints Not Compared") != std::string::npos);
}

TEST_CASE("the agent's secrets are none of the control plane's, a gateway's are; keys are not compared") {
  const auto secret = [](const std::string& chain) {
    return json{
        {"tls_certificate", {{"certificate_chain", {{"inline_string", chain}}}, {"private_key", {{"x", "y"}}}}}};
  };
  auto sent = sentPage();
  sent["resources"]["SDS"] = {{{"name", "kubernetes://tls"}, {"status", "SYNCED"}, {"resource", secret("A")}}};
  auto envoy = envoyPage();
  const auto with = [&](const std::string& chain) {
    auto page = envoy;
    page["configs"].push_back({{"@type", "x.SecretsConfigDump"},
                               {"dynamic_active_secrets",
                                {{{"name", "default"}, {"secret", secret("own")}},
                                 {{"name", "kubernetes://tls"}, {"secret", secret(chain)}}}}});
    return page;
  };
  CHECK(inspect::equal(compared(sent, with("A"))));
  CHECK(onlyIn(Type::secret, compared(sent, with("B"))).size() == 1);
}
