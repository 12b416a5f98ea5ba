#include "servicegraph/sliding_window.h"

#include <catch2/catch.hpp>

#include <string>

using fairway::servicegraph::SlidingWindow;
using std::chrono::seconds;

namespace {

struct Count {
  int value = 0;
  Count& operator+=(const Count& other) {
    value += other.value;
    return *this;
  }
};
using Window = SlidingWindow<std::string, Count>;

Window::Time at(int second) { return Window::Time(seconds(1'000'000 + second)); }

}  // namespace

TEST_CASE("the sum is of the last while alone, and what is older than the span is forgotten") {
  Window window(seconds(60), seconds(10), 10);
  window.add("a", {1}, at(0));
  window.add("a", {2}, at(5));
  window.add("a", {4}, at(15));
  window.add("b", {8}, at(40));
  CHECK(window.sum(seconds(60), at(40)).at("a").value == 7);
  CHECK(window.sum(seconds(40), at(40)).at("a").value == 4);
  CHECK_FALSE(window.sum(seconds(10), at(40)).contains("a"));
  CHECK(window.sum(seconds(10), at(40)).at("b").value == 8);
  CHECK(window.sum(seconds(1), at(40)).at("b").value == 8);
  CHECK(window.sum(seconds(3600), at(65)).at("a").value == 4);
  CHECK_FALSE(window.sum(seconds(60), at(75)).contains("a"));
  window.prune(at(75));
  CHECK(window.size() == 1);
}

TEST_CASE("there is room for so many keys, and for new ones when old ones have gone quiet") {
  Window window(seconds(60), seconds(10), 2);
  CHECK(window.add("a", {1}, at(0)));
  CHECK(window.add("b", {1}, at(30)));
  CHECK_FALSE(window.add("c", {1}, at(30)));
  CHECK(window.add("a", {1}, at(31)));
  CHECK(window.refused() == 1);
  CHECK(window.add("b", {1}, at(80)));
  CHECK(window.add("c", {1}, at(95)));
  CHECK(window.size() == 2);
  CHECK_FALSE(window.sum(seconds(60), at(95)).contains("a"));
}
