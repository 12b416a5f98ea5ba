#include "agent/merged_metrics.h"

#include <catch2/catch.hpp>

#include "support.h"

using namespace fairway;
using namespace fairway::agent;
using namespace fairway::agent::test;

TEST_CASE("where the app's metrics are") {
  CHECK(parseAppMetrics("", 15020).value() == std::nullopt);
  CHECK(parseAppMetrics(R"({"scrape":"false","port":"9090"})", 15020).value() == std::nullopt);
  CHECK(parseAppMetrics("{}", 15020).value() == AppMetrics{80, "/metrics"});
  CHECK(parseAppMetrics(R"({"scrape":"true","port":"9090","path":"stats"})", 15020).value() ==
        AppMetrics{9090, "/stats"});
  CHECK(parseAppMetrics(R"({"port":"15020"})", 15020).error().message.find("agent's own") != std::string::npos);
  for (const auto* bad : {"x", "[]", R"({"port":9090})", R"({"port":"0"})", R"({"port":"70000"})", R"({"path":"a b"})",
                          R"({"scrape":true})"}) {
    CAPTURE(bad);
    CHECK_FALSE(parseAppMetrics(bad, 15020));
  }
}

TEST_CASE("the app's page ends with a line end and without OpenMetrics' mark") {
  std::string page = "a 1\n";
  appendAppMetrics(page, "b 2\n# EOF\n");
  appendAppMetrics(page, "c 3");
  appendAppMetrics(page, "");
  CHECK(page == "a 1\nb 2\nc 3\n");
}

TEST_CASE("a part that fails does not take the others with it") {
  std::vector<std::string> failed;
  MetricSources sources;
  sources.envoy = [](auto) -> Result<std::string> { return "envoy 1\n"; };
  sources.appendEnvoy = [](std::string& page, std::string_view envoy) { page += envoy; };
  sources.app = [](auto) -> Result<std::string> { return "app 1\n"; };
  sources.agent = [] { return std::string("agent 1\n"); };
  sources.failed = [&](const char* part, const std::string& why) { failed.push_back(std::string(part) + ": " + why); };
  CHECK(mergedMetrics(sources, 1s) == "agent 1\nenvoy 1\napp 1\n");
  sources.app = [](auto) -> Result<std::string> { return failure("away"); };
  CHECK(mergedMetrics(sources, 1s) == "agent 1\nenvoy 1\n");
  sources.envoy = sources.app;
  sources.app = nullptr;
  CHECK(mergedMetrics(sources, 1s) == "agent 1\n");
  CHECK(failed == std::vector<std::string>{"application: away", "envoy: away"});
}

TEST_CASE("the time that Prometheus gives") {
  CHECK(scrapeTimeout("10") == 9000ms);
  CHECK(scrapeTimeout("0.5") == 450ms);
  for (const auto* bad : {"", "x", "0", "-1", "inf", "nan", "1e9", "10s"}) CHECK(scrapeTimeout(bad) == 10s);
}
