#include "agent/envoy_command.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/strings.h"

using namespace fairway;
using namespace fairway::agent;

namespace {

std::string command(const AgentOptions& options) { return join(envoyCommand(options, "/w/b.json", "/w/admin"), " "); }

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("Envoy's command line") {
  AgentOptions options;
  CHECK(command(options) ==
        "/usr/local/bin/envoy --config-path /w/b.json --admin-address-path /w/admin --disable-hot-restart "
        "--drain-strategy immediate --drain-time-s 45 --file-flush-interval-msec 1000 --log-level warning "
        "--concurrency 2");
  options.concurrency = 0;
  CHECK_FALSE(has(command(options), "--concurrency"));
  options.drainTime = std::chrono::seconds(90);
  CHECK(has(command(options), "--drain-time-s 90"));
  options.componentLogLevel = "upstream:debug";
  options.logFormat = "json";
  CHECK(has(command(options), "--component-log-level upstream:debug"));
  CHECK(has(command(options), "--log-format {\"time\":"));
}
