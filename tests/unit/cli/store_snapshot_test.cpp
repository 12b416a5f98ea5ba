#include "cli/store_snapshot.h"

#include <catch2/catch.hpp>

#include "api/core.h"
#include "cli/stand_in.h"
#include "identity/files.h"
#include "unit/identity/support.h"

using namespace fairway;
using namespace fairway::cli;
using namespace fairway::identity::test;

namespace {

const SnapshotOwner kOwner{"https://10.96.0.1:443", "cluster.local istio-system default", "abc"};
const auto kTime = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));

api::ObjectPtr service(const std::string& name) {
  auto object = std::make_shared<api::Service>();
  object->meta.name = name;
  object->meta.ns = "x";
  return object;
}

// What a sink was told, in words.
struct Told final : kube::Sink {
  std::vector<std::string> calls;
  void replace(api::Kind kind, std::vector<api::ObjectPtr> objects) override {
    std::string call = "replace " + std::to_string(static_cast<int>(kind));
    for (const auto& object : objects) call += " " + object->meta.name;
    calls.push_back(call);
  }
  void upsert(api::ObjectPtr object) override { calls.push_back("upsert " + object->meta.name); }
  void remove(api::Kind, api::NamespacedName name) override { calls.push_back("remove " + name.name); }
};

}  // namespace

TEST_CASE("a snapshot is read as it was written, for its owner's eyes only, and holds no Secret") {
  TemporaryDirectory directory;
  const auto path = directory.path("store.snapshot");
  REQUIRE(readSnapshot(path, kOwner));
  CHECK_FALSE(readSnapshot(path, kOwner)->has_value());
  auto secret = std::make_shared<api::Secret>();
  secret->meta.name = "hidden-name";
  secret->spec.privateKey = "hidden-key";
  REQUIRE(writeSnapshot(path, kOwner, {kTime, {service("a"), secret, service("b")}}));
  CHECK(modeOf(path) == 0600);
  CHECK(read(path).find("hidden") == std::string::npos);
  const auto snapshot = readSnapshot(path, kOwner);
  REQUIRE(snapshot);
  REQUIRE(snapshot->has_value());
  CHECK((*snapshot)->time == kTime);
  REQUIRE((*snapshot)->objects.size() == 2);
  CHECK((*snapshot)->objects[1]->sameContent(*service("b")));
}

TEST_CASE("a snapshot that is damaged, foreign, of another build or open to others is refused with the reason") {
  TemporaryDirectory directory;
  const auto path = directory.path("store.snapshot");
  REQUIRE(writeSnapshot(path, kOwner, {kTime, {service("a"), service("b")}}));
  const auto whole = read(path);
  const auto refusal = [&](const SnapshotOwner& owner = kOwner) {
    const auto snapshot = readSnapshot(path, owner);
    REQUIRE(!snapshot);
    return snapshot.error().message;
  };
  const auto put = [&](const std::string& content) { REQUIRE(identity::writeFileAtomically(path, content, 0600)); };
  SECTION("another cluster") {
    for (auto member : {&SnapshotOwner::server, &SnapshotOwner::mesh, &SnapshotOwner::rootsHash}) {
      auto other = kOwner;
      other.*member = "other";
      CHECK_THAT(refusal(other), Catch::Contains("another cluster or mesh"));
    }
  }
  SECTION("cut") {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      put(whole.substr(0, size));
      CAPTURE(size);
      CHECK(!readSnapshot(path, kOwner));
    }
  }
  SECTION("a byte of an object changed") {
    auto broken = whole;
    broken.back() = static_cast<char>(broken.back() ^ 1);
    put(broken);
    CHECK_THAT(refusal(), Catch::Contains("damaged"));
  }
  SECTION("another version") {
    put("fairway snapshot 0.0.0 x" + whole.substr(whole.find('\n')));
    CHECK_THAT(refusal(), Catch::Contains("another version"));
  }
  SECTION("something else") {
    put("{}");
    CHECK_THAT(refusal(), Catch::Contains("no snapshot"));
  }
  SECTION("readable by others") {
    REQUIRE(identity::writeFileAtomically(path, whole, 0644));
    CHECK_THAT(refusal(), Catch::Contains("0644"));
  }
}

TEST_CASE("what stands in gives way to what the source lists, and never the other way round") {
  Told told;
  StandIn standIn(told);
  const auto kind = [](api::Kind k) { return std::to_string(static_cast<int>(k)); };
  const auto services = kind(api::Kind::service), nodes = kind(api::Kind::node);
  auto node = std::make_shared<api::Node>();
  node->meta.name = "n";
  standIn.replace(api::Kind::service, {service("listed")});
  standIn.fill({service("old"), node});
  CHECK(told.calls == std::vector<std::string>{"replace " + services + " listed", "replace " + nodes + " n"});
  told.calls.clear();
  standIn.upsert(service("new"));
  standIn.remove(api::Kind::service, {"x", "new"});
  standIn.replace(api::Kind::node, {});
  CHECK(told.calls == std::vector<std::string>{"upsert new", "remove new", "replace " + nodes});
}
