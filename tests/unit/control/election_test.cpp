#include "control/election.h"

#include <catch2/catch.hpp>

using namespace fairway;
using namespace fairway::control;
using namespace std::chrono_literals;
using kube::ApiError;
using Act = Election::Step::Act;

namespace {

const std::chrono::system_clock::time_point kWall{1'700'000'000s};

// A Lease at an API server whose clock nobody reads.
struct Server {
  std::optional<Lease> lease;
  int version = 0;
  bool away = false;
};

// One replica with a steady clock of its own.
struct Replica {
  Server& server;
  Election election;
  Election::Time now;

  Replica(Server& at, const std::string& name, std::chrono::seconds clock)
      : server(at), election("istio-system", "fairway-leader", name, {}, [] { return 0.5; }), now(clock) {}

  // Makes the request of one step, which takes no time.
  void act() {
    const auto step = election.step(now, kWall + now.time_since_epoch());
    if (server.away) return election.failed(ApiError::Kind::unreachable, now);
    if (step.act == Act::read) return election.found(server.lease, now);
    const bool fits = step.act == Act::create
                          ? !server.lease
                          : server.lease && server.lease->resourceVersion == step.lease.resourceVersion;
    if (!fits) return election.failed(ApiError::Kind::conflict, now);
    server.lease = step.lease;
    server.lease->resourceVersion = std::to_string(++server.version);
    election.stored(*server.lease, now, now);
  }
  // All that is due until the clock has gone on by `time`.
  void run(std::chrono::milliseconds time) {
    const auto end = now + time;
    while (election.next() <= end) {
      now = std::max(now, election.next());
      act();
    }
    now = end;
  }
  bool leads() const { return election.leading(now); }
};

}  // namespace

TEST_CASE("the first replica makes the lease and leads, the second waits") {
  Server server;
  Replica a(server, "a", 1000s), b(server, "b", 5s);
  a.run(0ms);
  CHECK(a.leads());
  CHECK(server.lease->holder == "a");
  CHECK(server.lease->durationSeconds == 15);
  CHECK(server.lease->transitions == 0);
  b.run(0ms);
  CHECK_FALSE(b.leads());
  CHECK(b.election.leader() == "a");
  for (int i = 0; i < 60; ++i) {
    a.run(1s);
    b.run(1s);
    REQUIRE(a.leads());
    REQUIRE_FALSE(b.leads());
  }
}

TEST_CASE("a dead leader is followed after the lease's duration, by the follower's own clock") {
  Server server;
  Replica a(server, "a", 1000s), b(server, "b", 5s);
  a.run(0ms);
  // Times in the lease that are far off prove nothing.
  server.lease->renewTime = "1970-01-01T00:00:00.000000Z";
  b.run(14s);
  CHECK_FALSE(b.leads());
  b.run(6s);
  CHECK(b.leads());
  CHECK(server.lease->holder == "b");
  CHECK(server.lease->transitions == 1);
  // The old one comes back after as long: it finds out, and stands aside.
  a.now += 20s;
  for (int i = 0; i < 60; ++i) {
    a.run(1s);
    b.run(1s);
    REQUIRE_FALSE(a.leads());
    REQUIRE(b.leads());
  }
}

TEST_CASE("a leader that cannot renew gives up before others may take over") {
  Server server;
  Replica a(server, "a", 1000s), b(server, "b", 5s);
  a.run(0ms);
  b.run(0ms);
  server.away = true;
  std::chrono::milliseconds gaveUp{0}, tookOver{0};
  for (auto t = 0ms; t < 30s; t += 500ms) {
    if (t == 12s) server.away = false;
    // a's network is still broken
    if (t < 12s)
      a.run(500ms);
    else
      a.now += 500ms;
    b.run(500ms);
    if (!a.leads() && gaveUp == 0ms) gaveUp = t;
    if (b.leads() && tookOver == 0ms) tookOver = t;
    REQUIRE_FALSE((a.leads() && b.leads()));
  }
  CHECK(gaveUp > 9s);
  CHECK(gaveUp <= 10s);
  CHECK(tookOver > gaveUp);
}

TEST_CASE("a lease that was given back is taken at once") {
  Server server;
  Replica a(server, "a", 1000s), b(server, "b", 5s);
  a.run(0ms);
  b.run(0ms);
  const auto released = a.election.release(kWall);
  REQUIRE(released);
  CHECK(released->holder.empty());
  CHECK(released->durationSeconds == 1);
  CHECK_FALSE(a.leads());
  CHECK_FALSE(b.election.release(kWall));
  server.lease = released;
  server.lease->resourceVersion = "99";
  b.run(5s);
  CHECK(b.leads());
}

TEST_CASE("a user's edit of the lease costs a look, not the leadership") {
  Server server;
  Replica a(server, "a", 1000s);
  a.run(0ms);
  server.lease->annotations["note"] = "x";
  server.lease->resourceVersion = "77";
  a.run(2s);
  CHECK(a.leads());
  CHECK(server.lease->annotations.at("note") == "x");
}

TEST_CASE("a restarted pod of the same name goes on with its lease") {
  Server server;
  Replica a(server, "a", 1000s);
  a.run(0ms);
  Replica again(server, "a", 3s);
  again.run(0ms);
  CHECK(again.leads());
  CHECK(server.lease->transitions == 0);
}

TEST_CASE("a lease with an absurd duration does not keep a mesh without a leader") {
  Server server;
  server.lease = Lease{.ns = "istio-system",
                       .name = "fairway-leader",
                       .resourceVersion = "1",
                       .holder = "ghost",
                       .durationSeconds = 1'000'000'000};
  Replica a(server, "a", 1000s);
  a.run(59s);
  CHECK_FALSE(a.leads());
  a.run(10s);
  CHECK(a.leads());
}

TEST_CASE("two candidates for a new lease: one wins") {
  Server server;
  Replica a(server, "a", 1000s), b(server, "b", 5s);
  a.act();  // both have looked before one writes
  b.act();
  a.act();
  b.act();
  CHECK(a.leads());
  CHECK_FALSE(b.leads());
  b.run(5s);
  CHECK(b.election.leader() == "a");
}

TEST_CASE("a Lease survives JSON, and its times have the form the API server takes") {
  Lease lease{.ns = "istio-system",
              .name = "x",
              .resourceVersion = "7",
              .labels = {{"a", "b"}},
              .annotations = {{"fairway/streams", "3"}},
              .holder = "pod",
              .durationSeconds = 15,
              .acquireTime = microTime(kWall),
              .renewTime = microTime(kWall + 1234567us),
              .transitions = 4};
  CHECK(lease.renewTime == "2023-11-14T22:13:21.234567Z");
  CHECK(leaseFromJson(toJson(lease)).value() == lease);
  CHECK_FALSE(leaseFromJson("[]"));
  CHECK_FALSE(leaseFromJson(R"({"metadata":{"name":"x"}})"));
  CHECK(leasesFromJson(R"({"items":[)" + toJson(lease) + R"(,7]})").value() == std::vector{lease});
  CHECK(leasesFromJson(R"({"items":null})").value().empty());
  CHECK_FALSE(leasesFromJson("x"));
  CHECK(leasePath("a", "b") == "/apis/coordination.k8s.io/v1/namespaces/a/leases/b");
}
