#include "kube/reachability.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "support.h"

using namespace fairway::kube;
using namespace fairway::kube::test;

TEST_CASE("requests run side by side while the server is there") {
  Reachability reachability;
  auto first = reachability.enter({}), second = reachability.enter({});
  CHECK(first);
  CHECK(second);
  first->answered();
  CHECK(reachability.enter({}));
}

TEST_CASE("while a server is away, one request at a time tries it") {
  Reachability reachability;
  reachability.enter({})->unreachable("refused");
  std::atomic<int> inside = 0, most = 0, tries = 0;
  std::vector<std::thread> requests;
  for (int i = 0; i < 8; ++i) {
    requests.emplace_back([&] {
      for (int round = 0; round < 200; ++round) {
        auto ticket = reachability.enter({});
        if (!ticket) continue;
        most = std::max(most.load(), ++inside);
        ++tries;
        --inside;
        ticket->unreachable("still refused");
      }
    });
  }
  for (auto& request : requests) request.join();
  CHECK(most == 1);
  CHECK(tries > 0);
  CHECK(reachability.reason() == "still refused");
}

TEST_CASE("when the server is back, the waiting requests go on") {
  Reachability reachability;
  reachability.enter({})->unreachable("refused");
  auto prober = reachability.enter({});
  REQUIRE(prober);
  std::atomic<int> admitted = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back([&] { admitted += reachability.enter({}) ? 1 : 0; });
  }
  prober->answered();
  for (auto& other : others) other.join();
  CHECK(admitted == 4);
}

TEST_CASE("a request that gives up passes the turn on") {
  Reachability reachability;
  reachability.enter({})->unreachable("refused");
  { const auto dropped = reachability.enter({}); }
  CHECK(reachability.enter({}));
}

TEST_CASE("a stop ends the waiting for another request's outcome") {
  Reachability reachability;
  reachability.enter({})->unreachable("refused");
  const auto prober = reachability.enter({});
  REQUIRE(prober);
  std::stop_source stop;
  bool admitted = true;
  std::thread waiting([&] { admitted = reachability.enter(stop.get_token()).has_value(); });
  stop.request_stop();
  waiting.join();
  CHECK_FALSE(admitted);
}
