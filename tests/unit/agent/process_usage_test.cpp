#include "agent/process_usage.h"

#include <catch2/catch.hpp>

using namespace fairway::agent;

TEST_CASE("CPU time and memory of /proc/<pid>/stat, whatever the program is called") {
  const std::string numbers =
      " S 1 2 3 0 -1 4194560 10 0 0 0 250 150 7 7 20 0 5 0 12345 99999744 2048 18446744073709551615 1";
  for (const auto* name : {"(envoy)", "(a b)", "(x) S 1 (y)"}) {
    const auto usage = parseProcessStat("42 " + std::string(name) + numbers + "\n", 100, 4096);
    REQUIRE(usage);
    CHECK(usage->cpuSeconds == 4.0);
    CHECK(usage->residentBytes == 2048 * 4096.0);
  }
  for (const auto* bad : {"", "42 (envoy)", "42 (envoy) S 1 2 3", "42 envoy S 1 2"}) {
    CHECK_FALSE(parseProcessStat(bad, 100, 4096));
  }
}

TEST_CASE("a process that is there, and one that is not") {
  const auto own = processUsage("self");
  REQUIRE(own);
  CHECK(own->residentBytes > 100'000);
  CHECK_FALSE(processUsage("no-such-process"));
}
