#include "discovery/lag.h"

#include <catch2/catch.hpp>

using fairway::discovery::Lag;

namespace {

Lag::Time at(int seconds) { return Lag::Time{} + std::chrono::seconds(seconds); }

}  // namespace

TEST_CASE("each change is told once, when its snapshot or a later one is taken up") {
  Lag lag;
  CHECK(lag.applied(3).empty());
  lag.changed(4, at(1));
  lag.changed(6, at(2));
  lag.changed(9, at(3));
  CHECK(lag.applied(3).empty());
  CHECK(lag.applied(7) == std::vector<Lag::Time>{at(1), at(2)});
  CHECK(lag.applied(7).empty());
  CHECK(lag.applied(9) == std::vector<Lag::Time>{at(3)});
}

TEST_CASE("a client far behind costs no more than a bound, and its wait is not made to look shorter") {
  Lag lag;
  for (int i = 1; i <= 1'000; ++i) lag.changed(static_cast<std::uint64_t>(i), at(i));
  CHECK(lag.size() == Lag::kMost);
  // The last of them stands for all after it.
  const auto before = lag.applied(Lag::kMost);
  CHECK(before.size() == Lag::kMost - 1);
  CHECK(lag.applied(999).empty());
  CHECK(lag.applied(1'000) == std::vector<Lag::Time>{at(static_cast<int>(Lag::kMost))});
}
