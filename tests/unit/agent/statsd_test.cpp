#include "agent/statsd.h"

#include <catch2/catch.hpp>

using namespace fairway;
using namespace fairway::agent;
using namespace std::chrono_literals;

TEST_CASE("addresses of statsd servers") {
  for (const auto* good : {"statsd.monitoring:9125", "10.0.0.7:8125", "[fd00::7]:8125"})
    CHECK(checkStatsdAddress(good));
  for (const auto* bad : {"statsd", "statsd:", ":8125", "statsd:0", "unix:/run/statsd.sock", "statsd:70000"}) {
    INFO(bad);
    CHECK_FALSE(checkStatsdAddress(bad));
  }
}

TEST_CASE("an IP address stays as it is, a name is looked up, and one that does not exist is told") {
  CHECK(resolveStatsd("10.0.0.7:8125", 1ms)->toString() == "10.0.0.7:8125");
  CHECK(resolveStatsd("[fd00::7]:8125", 1ms)->host == "fd00::7");
  const auto local = resolveStatsd("localhost:8125", 30s);
  REQUIRE(local);
  CHECK((local->host == "127.0.0.1" || local->host == "::1"));
  CHECK(local->port == 8125);
  const auto missing = resolveStatsd("statsd.invalid:8125", 30s);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().message.starts_with("statsd.invalid: "));
}
