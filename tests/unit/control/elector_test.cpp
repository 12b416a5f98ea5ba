#include "control/elector.h"

#include <catch2/catch.hpp>

#include "fake_api_server.h"

using namespace fairway;
using namespace fairway::control;
using fairway::control::test::FakeApiServer;

namespace {

const auto kPath = leasePath("istio-system", "fairway-leader");

struct Candidate {
  std::atomic<int> started{0}, stopped{0};
  Elector elector;

  Candidate(FakeApiServer& server, const std::string& name)
      : elector(server, Election("istio-system", "fairway-leader", name, {}, [] { return 0.0; }), "istio-system",
                "fairway-leader", {[this] { ++started; }, [this] { ++stopped; }}) {
    elector.start();
  }
};

}  // namespace

TEST_CASE("an elector leads, and gives the lease back when it stops") {
  FakeApiServer server;
  Candidate first(server, "first");
  REQUIRE(server.waitUntil([&] { return first.started == 1; }));
  CHECK(first.elector.leading());
  CHECK(server.get(kPath)["spec"]["holderIdentity"] == "first");

  Candidate second(server, "second");
  REQUIRE(server.waitUntil([&] { return second.elector.leader() == "first"; }));
  CHECK_FALSE(second.elector.leading());
  first.elector.stop();
  CHECK(first.stopped == 1);
  CHECK_FALSE(first.elector.leading());
  // At once: the lease that was given back says so.
  REQUIRE(server.waitUntil([&] { return second.started == 1; }));
  CHECK(server.get(kPath)["spec"]["holderIdentity"] == "second");
  CHECK(server.get(kPath)["spec"]["leaseTransitions"].get<int>() >= 1);
}

TEST_CASE("a leader whose lease another holds stops") {
  FakeApiServer server;
  Candidate first(server, "first");
  REQUIRE(server.waitUntil([&] { return first.started == 1; }));
  auto lease = server.get(kPath);
  lease["spec"]["holderIdentity"] = "intruder";
  server.put(kPath, lease);
  REQUIRE(server.waitUntil([&] { return first.stopped == 1; }));
  CHECK_FALSE(first.elector.leading());
  first.elector.stop();
  CHECK(server.get(kPath)["spec"]["holderIdentity"] == "intruder");
}

TEST_CASE("what the API server refuses is tried again") {
  FakeApiServer server;
  std::atomic<bool> forbidden{true};
  server.before = [&](const kube::Call&) -> std::optional<kube::ApiError> {
    if (!forbidden.exchange(false)) return std::nullopt;
    return kube::ApiError{kube::ApiError::Kind::forbidden, 403, "no"};
  };
  Candidate first(server, "first");
  REQUIRE(server.waitUntil([&] { return first.started == 1; }));
}
