#include "control/registrar.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "control/lease.h"
#include "fake_api_server.h"

using namespace fairway;
using namespace fairway::control;
using fairway::control::test::FakeApiServer;
using fairway::control::test::Json;

namespace {

const std::string kGroup = "/apis/networking.istio.io/v1/namespaces/n/workloadgroups/vms";
const std::string kEntry = "/apis/networking.istio.io/v1/namespaces/n/workloadentries/vms-10.0.0.1";
const MachineClaim kClaim{"n", "default", "vms", "10.0.0.1"};

struct World {
  FakeApiServer server;
  std::map<std::string, std::unique_ptr<Registrar>> replicas;
  std::atomic<bool> leading{false}, groups{true};

  ~World() { replicas.clear(); }
  void addGroup(Json probe = {}) {
    Json spec{{"template", {{"ports", {{"http", 80}}}}}};
    if (!probe.is_null()) spec["probe"] = std::move(probe);
    server.put(kGroup, {{"apiVersion", "networking.istio.io/v1"},
                        {"kind", "WorkloadGroup"},
                        {"metadata", {{"uid", "u"}}},
                        {"spec", spec}});
  }
  Registrar& replica(const std::string& name) {
    RegistrarOptions options;
    options.controller = name;
    options.ns = "istio-system";
    options.leading = [this] { return leading.load(); };
    options.wanted = [this] { return std::optional(groups.load()); };
    options.times = {std::chrono::milliseconds(100), std::chrono::milliseconds(100)};
    options.pace.perSecond = options.pace.burst = 10'000;
    options.pace.retryBase = options.pace.retryMost = std::chrono::milliseconds(10);
    auto& made = replicas[name] = std::make_unique<Registrar>(server, std::move(options));
    made->start();
    return *made;
  }
  std::string annotation(const char* name) const {
    const auto entry = server.get(kEntry);
    return entry.is_object() ? entry["metadata"]["annotations"].value(name, "") : "none";
  }
};

}  // namespace

TEST_CASE("a machine's entry comes with it, comes back when it is deleted, and goes after it") {
  World world;
  auto& registrar = world.replica("a");
  std::atomic<int> changes{0};
  const auto id = registrar.connect(kClaim, std::nullopt, [&] { ++changes; });
  REQUIRE(id);
  CHECK(world.server.waitUntil(
      [&] { return changes > 0 && registrar.answer(*id)->problem.find("no WorkloadGroup") != std::string::npos; }));
  world.addGroup();
  CHECK(world.server.waitUntil([&] { return world.server.get(kEntry).is_object(); }));
  CHECK(world.server.waitUntil([&] {
    return registrar.answer(*id) == MachineAnswer{"", "n/vms-10.0.0.1", "", false};
  }));
  world.server.erase(kEntry);
  CHECK(world.server.waitUntil([&] { return world.server.get(kEntry).is_object(); }));
  registrar.disconnect(*id);
  CHECK(world.server.waitUntil([&] { return world.server.get(kEntry).is_null(); }));
  CHECK_FALSE(registrar.answer(*id));
  CHECK_FALSE(registrar.connect({"n", "default", "vms", "nowhere"}, std::nullopt, [] {}));
}

TEST_CASE("without a WorkloadGroup nothing is read from the API server") {
  World world;
  world.groups = false;
  std::atomic<bool> asked{false};
  world.server.before = [&](const kube::Call&) -> std::optional<kube::ApiError> {
    asked = true;
    return std::nullopt;
  };
  auto& registrar = world.replica("a");
  const auto id = registrar.connect(kClaim, std::nullopt, [] {});
  CHECK(world.server.waitUntil([&] { return registrar.answer(*id).has_value(); }));
  CHECK_FALSE(asked);
  world.addGroup();
  world.groups = true;
  CHECK(world.server.waitUntil([&] { return world.server.get(kEntry).is_object(); }));
}

TEST_CASE("the same machine on a new stream takes the place of the old one, whose end is of no importance then") {
  World world;
  world.addGroup({{"tcpSocket", {{"port", 80}}}});
  auto& registrar = world.replica("a");
  std::atomic<bool> told{false};
  const auto first = registrar.connect(kClaim, MachineHealth{true, ""}, [&] { told = true; });
  CHECK(world.server.waitUntil([&] { return world.server.get(kEntry).is_object(); }));
  const auto second = registrar.connect(kClaim, MachineHealth{true, ""}, [] {});
  CHECK(world.server.waitUntil([&] { return told && registrar.answer(*first)->replaced; }));
  registrar.disconnect(*first);
  const auto healthy = [&](const char* status) {
    const auto entry = world.server.get(kEntry);
    return entry.contains("status") && entry["status"]["conditions"][0]["status"] == status;
  };
  CHECK(world.server.waitUntil([&] { return healthy("True"); }));
  registrar.report(*first, {false, "of a stream that is over"});
  registrar.report(*second, {false, "refused"});
  CHECK(world.server.waitUntil([&] { return healthy("False"); }));
  CHECK(world.annotation(kDisconnectedAnnotation).empty());
}

TEST_CASE("a machine that moves keeps its entry: the new replica takes it over, and the old one removes nothing") {
  World world;
  world.addGroup();
  auto& a = world.replica("a");
  auto& b = world.replica("b");
  const auto old = a.connect(kClaim, std::nullopt, [] {});
  CHECK(world.server.waitUntil([&] { return world.annotation(kControllerAnnotation) == "a"; }));
  const auto fresh = b.connect(kClaim, std::nullopt, [] {});
  a.disconnect(*old);
  CHECK(world.server.waitUntil([&] {
    return world.annotation(kControllerAnnotation) == "b" && world.annotation(kDisconnectedAnnotation).empty();
  }));
  CHECK(world.server.calls(kube::Call::Verb::remove).empty());
  b.disconnect(*fresh);
  CHECK(world.server.waitUntil([&] { return world.server.get(kEntry).is_null(); }));
}

TEST_CASE("a replica that ends leaves its entries to those whom its machines go to") {
  World world;
  world.addGroup();
  auto& a = world.replica("a");
  const auto id = a.connect(kClaim, std::nullopt, [] {});
  CHECK(world.server.waitUntil([&] { return world.annotation(kControllerAnnotation) == "a"; }));
  a.stop();
  a.disconnect(*id);
  CHECK(world.annotation(kDisconnectedAnnotation).empty());
  auto& b = world.replica("b");
  const auto moved = b.connect(kClaim, std::nullopt, [] {});
  CHECK(world.server.waitUntil([&] { return world.annotation(kControllerAnnotation) == "b"; }));
  b.disconnect(*moved);
}
