#include "control/membership.h"

#include <catch2/catch.hpp>

#include "fake_api_server.h"

using namespace fairway;
using namespace fairway::control;
using fairway::control::test::FakeApiServer;
using fairway::control::test::Json;

namespace {

MembershipOptions options(const std::string& pod, std::atomic<std::size_t>& streams) {
  MembershipOptions result;
  result.ns = "istio-system";
  result.pod = pod;
  result.revision = "canary";
  result.period = std::chrono::milliseconds(5);
  result.ready = [] { return true; };
  result.streams = [&] { return streams.load(); };
  result.shed = [](std::size_t, std::chrono::milliseconds) { return std::size_t{0}; };
  result.leading = [] { return false; };
  return result;
}

std::string pathOf(const std::string& pod) { return leasePath("istio-system", "fairway-replica-" + pod); }

}  // namespace

TEST_CASE("replicas tell each other of their streams, and take their lease with them") {
  FakeApiServer server;
  std::atomic<std::size_t> a{3}, b{4};
  Membership first(server, options("a", a)), second(server, options("b", b));
  first.start();
  CHECK(server.waitUntil([&] { return !server.get(pathOf("a")).is_null(); }));
  second.start();
  CHECK(server.waitUntil([&] { return first.replicas() == 2 && second.replicas() == 2; }));
  const auto lease = server.get(pathOf("a"));
  CHECK(lease["metadata"]["annotations"]["fairway/streams"] == "3");
  CHECK(lease["metadata"]["labels"]["istio.io/rev"] == "canary");
  CHECK(lease["spec"]["holderIdentity"] == "a");
  a = 8;
  CHECK(server.waitUntil([&] { return server.get(pathOf("a"))["metadata"]["annotations"]["fairway/streams"] == "8"; }));
  first.leave();
  CHECK(server.get(pathOf("a")).is_null());
  CHECK(server.waitUntil([&] { return second.replicas() == 1; }));
}

TEST_CASE("a replica that is not ready is not counted") {
  FakeApiServer server;
  std::atomic<std::size_t> streams{0};
  std::atomic<bool> ready{false};
  std::atomic<int> asked{0};
  auto with = options("a", streams);
  with.ready = [&] {
    ++asked;
    return ready.load();
  };
  Membership member(server, with);
  member.start();
  CHECK(server.waitUntil([&] { return asked > 3; }));
  CHECK(server.get(pathOf("a")).is_null());
  ready = true;
  CHECK(server.waitUntil([&] { return !server.get(pathOf("a")).is_null(); }));
}

TEST_CASE("a lease left by an earlier life of the pod, or removed by somebody, is no obstacle") {
  FakeApiServer server;
  server.put(pathOf("a"), Json{{"metadata", Json::object()}, {"spec", {{"holderIdentity", "a"}}}});
  std::atomic<std::size_t> streams{6};
  Membership member(server, options("a", streams));
  member.start();
  const auto current = [&] {
    const auto lease = server.get(pathOf("a"));
    return !lease.is_null() && lease["metadata"].contains("annotations") &&
           lease["metadata"]["annotations"]["fairway/streams"] == std::to_string(streams);
  };
  CHECK(server.waitUntil(current));
  server.erase(pathOf("a"));
  streams = 7;
  CHECK(server.waitUntil(current));
}

TEST_CASE("replicas of another revision are not among ours") {
  FakeApiServer server;
  server.put(pathOf("other"), Json{{"metadata",
                                    {{"labels", {{"fairway/component", "replica"}, {"istio.io/rev", "default"}}},
                                     {"annotations", {{"fairway/streams", "1"}}}}},
                                   {"spec", Json::object()}});
  std::atomic<std::size_t> streams{1};
  Membership member(server, options("a", streams));
  member.start();
  CHECK(server.waitUntil([&] { return !server.calls(FakeApiServer::Verb::update).empty(); }));
  CHECK(member.replicas() == 1);
}
