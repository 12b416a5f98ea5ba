#include "discovery/gate.h"

#include <catch2/catch.hpp>

using namespace fairway::discovery;
using namespace std::chrono_literals;
using Ids = std::vector<Gate::Id>;

namespace {

const Gate::Time kStart{};

GateLimits small() {
  GateLimits limits;
  limits.connectionBytes = 1'000;
  limits.peerBytes = 2'000;
  limits.peerBytesPerSecond = 500;
  limits.perConnection = 100;
  limits.peerStrangers = 2;
  limits.strangers = 3;
  limits.peerWaiting = 3;
  limits.waiting = 5;
  return limits;
}

}  // namespace

TEST_CASE("addresses take turns, and none has more than its places") {
  Gate gate(small());
  for (const Gate::Id id : {1, 2, 3}) REQUIRE(gate.arrive(id, "a", kStart));
  REQUIRE(gate.arrive(4, "b", kStart));
  CHECK(gate.admit(kStart) == Ids{1, 4, 2});
  CHECK(gate.admit(kStart).empty());
  gate.gone(4);
  CHECK(gate.admit(kStart).empty());  // a has two already
  gate.gone(1);
  CHECK(gate.admit(kStart) == Ids{3});
  gate.gone(2);
  gate.gone(3);
  CHECK(gate.strangers() == 0);
  CHECK(gate.waiting() == 0);
}

TEST_CASE("so many wait, of one address and of all") {
  Gate gate(small());
  for (const Gate::Id id : {1, 2, 3}) REQUIRE(gate.arrive(id, "a", kStart));
  CHECK_FALSE(gate.arrive(4, "a", kStart));
  REQUIRE(gate.arrive(5, "b", kStart));
  REQUIRE(gate.arrive(6, "b", kStart));
  CHECK_FALSE(gate.arrive(7, "b", kStart));
  gate.gone(1);
  CHECK(gate.arrive(8, "b", kStart));
}

TEST_CASE("a stranger that sends too much is to be closed") {
  Gate gate(small());
  REQUIRE(gate.arrive(1, "a", kStart));
  REQUIRE(gate.admit(kStart) == Ids{1});
  CHECK(gate.sent(1, 1'000, kStart));
  CHECK_FALSE(gate.sent(1, 1'001, kStart));
}

TEST_CASE("what strangers of one address sent counts for those that come after them, and is forgotten in time") {
  Gate gate(small());
  REQUIRE(gate.arrive(1, "a", kStart));
  REQUIRE(gate.arrive(2, "a", kStart));
  REQUIRE(gate.admit(kStart) == Ids{1, 2});
  CHECK(gate.sent(1, 900, kStart));
  CHECK(gate.sent(2, 900, kStart));  // 2000 in all, with what each costs
  gate.gone(1);
  gate.gone(2);
  REQUIRE(gate.arrive(3, "a", kStart));
  CHECK(gate.admit(kStart).empty());
  REQUIRE(gate.arrive(4, "b", kStart));
  CHECK(gate.admit(kStart) == Ids{4});
  CHECK(gate.admit(kStart + 199ms).empty());
  CHECK(gate.admit(kStart + 200ms) == Ids{3});
  CHECK_FALSE(gate.sent(3, 1, kStart + 200ms));  // nothing is left for it to send
}

TEST_CASE("who is known counts no more, and what it sent is given back") {
  Gate gate(small());
  REQUIRE(gate.arrive(1, "a", kStart));
  REQUIRE(gate.arrive(2, "a", kStart));
  REQUIRE(gate.admit(kStart) == Ids{1, 2});
  CHECK(gate.sent(1, 900, kStart));
  CHECK(gate.sent(2, 900, kStart));
  gate.trust(1);
  CHECK(gate.strangers() == 1);
  CHECK(gate.sent(1, 1'000'000, kStart));
  REQUIRE(gate.arrive(3, "a", kStart));
  CHECK(gate.admit(kStart) == Ids{3});
  CHECK(gate.sent(3, 900, kStart));
}

TEST_CASE("a place is kept for a while where others wait for it, and not for ever where none do") {
  Gate gate(small());
  REQUIRE(gate.arrive(1, "a", kStart));
  REQUIRE(gate.admit(kStart) == Ids{1});
  CHECK(gate.overdue(kStart + 14'999ms).empty());
  CHECK(gate.overdue(kStart + 15s) == Ids{1});
  REQUIRE(gate.arrive(2, "a", kStart));
  REQUIRE(gate.arrive(3, "a", kStart));
  REQUIRE(gate.admit(kStart) == Ids{2});
  CHECK(gate.overdue(kStart + 999ms).empty());
  CHECK(gate.overdue(kStart + 1s) == Ids{1, 2});
  CHECK(gate.overdue(kStart + 15s) == Ids{1, 2, 3});  // who waits does not wait for ever, either
}

TEST_CASE("what is not known is left alone") {
  Gate gate(small());
  gate.gone(7);
  gate.trust(7);
  CHECK(gate.sent(7, 1'000'000, kStart));
  CHECK(gate.overdue(kStart).empty());
}
