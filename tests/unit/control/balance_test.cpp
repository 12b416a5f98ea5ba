#include "control/balance.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <random>

using namespace fairway::control;
using namespace std::chrono_literals;

namespace {

std::vector<std::size_t> without(std::vector<std::size_t> counts, std::size_t index) {
  counts.erase(counts.begin() + static_cast<std::ptrdiff_t>(index));
  return counts;
}

bool within20(const std::vector<std::size_t>& counts) {
  const double mean = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::size_t{0})) /
                      static_cast<double>(counts.size());
  return std::all_of(counts.begin(), counts.end(), [&](std::size_t count) {
    return std::abs(static_cast<double>(count) - mean) <= std::max(0.2 * mean, 1.0) + 1;
  });
}

Lease lease(const std::string& name, const std::string& streams, const std::string& renewed) {
  Lease result{.ns = "istio-system", .name = "fairway-replica-" + name, .resourceVersion = renewed};
  result.annotations[ReplicaTable::kStreams] = streams;
  result.renewTime = renewed;
  return result;
}

}  // namespace

TEST_CASE("a fair share sheds nothing") {
  CHECK(streamsToShed(0, {}) == 0);
  CHECK(streamsToShed(1000, {}) == 0);  // alone: there is nobody else
  CHECK(streamsToShed(0, {1000}) == 0);
  CHECK(streamsToShed(100, {100, 100}) == 0);
  CHECK(streamsToShed(110, {100, 100}) == 0);
  CHECK(streamsToShed(2, {1}) == 0);
  CHECK(streamsToShed(1, {0}) == 0);
}

TEST_CASE("a surplus is shed gradually") {
  CHECK(streamsToShed(1000, {0}) == 100);
  CHECK(streamsToShed(130, {100, 100}) == 13);
  CHECK(streamsToShed(4, {1}) == 1);
  // Nobody has too much, and yet a new replica has nothing.
  std::vector<std::size_t> others(19, 100);
  others.push_back(0);
  CHECK(streamsToShed(100, others) == 5);
}

TEST_CASE("streams that land anywhere end within a fifth of the mean") {
  std::mt19937 random(7);
  for (const auto& start : std::vector<std::vector<std::size_t>>{
           {1000, 0}, {0, 0, 900}, {500, 500, 0}, {37, 1}, {10'000, 3, 9'000, 1}, {200, 200, 200, 200, 200, 200, 0}}) {
    auto counts = start;
    const auto total = std::accumulate(counts.begin(), counts.end(), std::size_t{0});
    std::size_t moved = 0;
    int rounds = 0;
    for (bool quiet = false; !quiet && rounds < 200; ++rounds) {
      quiet = true;
      const auto told = counts;  // what each knows of the others is a round old
      for (std::size_t i = 0; i < counts.size(); ++i) {
        const auto shed = streamsToShed(counts[i], without(told, i));
        REQUIRE(shed <= counts[i]);
        if (shed > 0) quiet = false;
        counts[i] -= shed;
        moved += shed;
        for (std::size_t k = 0; k < shed; ++k) ++counts[random() % counts.size()];
      }
    }
    CAPTURE(start, counts, rounds, moved);
    CHECK(rounds < 200);
    CHECK(within20(counts));
    CHECK(std::accumulate(counts.begin(), counts.end(), std::size_t{0}) == total);
  }
}

TEST_CASE("dead replicas do not count, whatever the times in their leases say") {
  ReplicaTable table("fairway-replica-self");
  const ReplicaTable::Time start{1000s};
  CHECK_FALSE(table.settled(start));
  table.observe({lease("self", "9", "1"), lease("a", "5", "2099-01-01"), lease("b", "7", "1970-01-01"),
                 lease("broken", "many", "1")},
                start);
  CHECK(table.others(start) == std::vector<std::size_t>{5, 7});
  CHECK_FALSE(table.settled(start + 14s));
  CHECK(table.settled(start + 15s));
  // a is dead, b lives
  table.observe({lease("self", "9", "1"), lease("a", "5", "2099-01-01"), lease("b", "8", "1970-01-02")}, start + 15s);
  CHECK(table.others(start + 15s) == std::vector<std::size_t>{8});
  CHECK(table.forgotten(start + 15s).empty());
  table.observe({lease("self", "9", "1"), lease("a", "5", "2099-01-01"), lease("b", "8", "1970-01-03")}, start + 60s);
  const auto gone = table.forgotten(start + 60s);
  REQUIRE(gone.size() == 1);
  CHECK(gone.front().name == "fairway-replica-a");
  table.observe({lease("self", "9", "1"), lease("b", "8", "1970-01-03")}, start + 61s);
  CHECK(table.forgotten(start + 61s).empty());
}
