#include "console/visitors.h"

#include <catch2/catch.hpp>

using fairway::console::Visitors;

TEST_CASE("for one too many, the oldest connection of the address with the most goes") {
  Visitors visitors(4, 2);
  CHECK_FALSE(visitors.arrive(1, "honest"));
  for (const Visitors::Id id : {2, 3, 4}) CHECK_FALSE(visitors.arrive(id, "greedy"));
  CHECK(visitors.arrive(5, "other") == 2);
  visitors.gone(2);
  CHECK(visitors.arrive(6, "greedy") == 3);
  visitors.gone(3);
  visitors.gone(4);
  CHECK_FALSE(visitors.arrive(7, "honest"));
}

TEST_CASE("so many large bodies are read at a time, and half of them for one address") {
  Visitors visitors(10, 4);
  for (const Visitors::Id id : {1, 2, 3}) visitors.arrive(id, "a");
  visitors.arrive(4, "b");
  CHECK(visitors.beginLarge(1));
  CHECK(visitors.beginLarge(2));
  CHECK_FALSE(visitors.beginLarge(3));
  CHECK(visitors.beginLarge(4));
  visitors.done(1);
  visitors.done(1);
  CHECK(visitors.beginLarge(3));
  visitors.gone(2);
  CHECK(visitors.beginLarge(1));
  CHECK_FALSE(visitors.beginLarge(99));
  for (const Visitors::Id id : {1, 2, 3, 4, 99}) visitors.gone(id);
}
