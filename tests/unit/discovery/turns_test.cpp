#include "discovery/turns.h"

#include <catch2/catch.hpp>

#include <future>
#include <string>

namespace fairway::discovery {

// istio#35263: of 5000 proxies that connected, some waited three minutes.
TEST_CASE("jobs have their turns in the order in which they came, however much one of them has to do") {
  std::promise<void> go;
  auto gate = go.get_future().share();
  std::string order;
  {
    Turns turns(1);
    turns.add([gate] { gate.wait(); });
    // A busy stream puts in its next job when one is done, as streams do.
    int left = 5;
    std::function<void()> busy = [&] {
      order += 'B';
      if (--left > 0) turns.add(busy);
    };
    turns.add(busy);
    for (const char name : {'x', 'y', 'z'}) turns.add([&order, name] { order += name; });
    CHECK(turns.waiting() >= 4);
    go.set_value();
    std::promise<void> done;
    std::function<void()> last = [&] {
      if (left == 0) {
        done.set_value();
      } else {
        turns.add(last);
      }
    };
    turns.add(last);
    done.get_future().wait();
  }
  CHECK(order == "BxyzBBBB");
}

TEST_CASE("a job that blocks holds up one thread alone") {
  std::promise<void> go, other;
  auto gate = go.get_future().share();
  Turns turns(2);
  turns.add([gate] { gate.wait(); });
  turns.add([&] { other.set_value(); });
  other.get_future().wait();
  go.set_value();
}

TEST_CASE("what is queued is run before the end") {
  int ran = 0;
  {
    Turns turns(1);
    for (int i = 0; i < 100; ++i) turns.add([&] { ++ran; });
  }
  CHECK(ran == 100);
}

}  // namespace fairway::discovery
