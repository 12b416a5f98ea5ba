#include "inspect/status.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using nlohmann::json;

namespace {

inspect::TypeStatus clusters(const json& counts) {
  const json page = json::array({{{"id", "a.x"}, {"types", {{"CDS", counts}}}}});
  return inspect::parseProxies(page, "replica-1").value().front().types[0];
}

}  // namespace

TEST_CASE("the state of a type follows from its counts") {
  using inspect::Sync;
  CHECK(clusters(nullptr).sync == Sync::not_sent);
  CHECK(clusters({{"sent", 0}, {"held", 0}, {"pending", 5}}).sync == Sync::not_sent);
  CHECK(clusters({{"sent", 0}, {"held", 3}, {"pending", 0}}).sync == Sync::synced);  // known from an earlier stream
  CHECK(clusters({{"sent", 1}, {"held", 3}, {"pending", 0}, {"inFlight", 0}}).sync == Sync::synced);
  CHECK(clusters({{"sent", 1}, {"pending", 2}}).sync == Sync::stale);
  CHECK(clusters({{"sent", 1}, {"pending", 0}, {"inFlight", 1}}).sync == Sync::stale);
}

TEST_CASE("a refusal has names and a reason, and an old reason alone is none") {
  const auto rejected = clusters({{"sent", 4}, {"held", 3}, {"lastNack", "bad regex"}, {"rejected", {"c1", "c2"}}});
  CHECK(rejected.sync == inspect::Sync::rejected);
  CHECK(rejected.rejected == std::vector<std::string>{"c1", "c2"});
  CHECK(rejected.reason == "bad regex");
  const auto mended = clusters({{"sent", 5}, {"held", 3}, {"lastNack", "bad regex"}});
  CHECK(mended.sync == inspect::Sync::synced);
  CHECK(mended.reason.empty());
}

TEST_CASE("the list of proxies as a table and as JSON") {
  const auto page = json::parse(test::recordedText("proxies.json"));
  auto proxies = inspect::parseProxies(page, "fairway-5d").value();
  REQUIRE(proxies.size() == 1);
  proxies.front().version = "1.2.3";
  CHECK(inspect::tableText(inspect::statusTable(proxies)) ==
        "NAME         CLUSTER   CDS      LDS      EDS      RDS      VHDS     ISTIOD       VERSION\n"
        "web-1.shop   -         SYNCED   SYNCED   SYNCED   SYNCED   SYNCED   fairway-5d   1.2.3\n");
  const auto value = inspect::statusJson(proxies);
  CHECK(value[0]["types"]["CDS"]["status"] == "SYNCED");
  CHECK(value[0]["types"]["SDS"]["status"] == "NOT SENT");
  CHECK(value[0]["istiod"] == "fairway-5d");
}

TEST_CASE("a page that is no list of proxies is told") {
  const auto other = inspect::parseProxies(json::object(), "10.0.0.1:80");
  REQUIRE_FALSE(other);
  CHECK(other.error().message.find("10.0.0.1:80") == 0);
  CHECK(inspect::parseProxies(json::array({{{"id", ""}}}), "x").value().empty());
}
