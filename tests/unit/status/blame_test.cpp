#include "status/blame.h"

#include <catch2/catch.hpp>

#include "api/envoy_filter.h"
#include "unit/status/support.h"

namespace fairway::status::test {

namespace {

using namespace std::chrono_literals;

struct World {
  std::map<Key, engine::ConfigObject> objects;
  std::vector<Proxy> proxies;
  Influence influence;
  Blame blame;
  Blame::Time now{};

  template <class T>
  void object(const std::string& name, std::uint64_t order, const std::string& version = "1") {
    const auto made = named<T>(name, version);
    objects[keyOf(*made)] = {made, 4, order, ""};
  }
  // A proxy of a service account of its own that has these resources and refuses some of them.
  void proxy(const std::string& id, const std::vector<ResourcePtr>& resources, const std::vector<ResourcePtr>& refused,
             bool settled = true) {
    auto made = test::proxy(id, scope(resources), 5, settled ? 5 : 1);
    for (const auto& each : refused) made.refusals.push_back({each, "no"});
    proxies.push_back(std::move(made));
  }
  std::vector<std::string> blamed() {
    influence.update(proxies);
    std::vector<std::string> names;
    for (const auto& verdict : blame.decide(objects, proxies, influence, now))
      names.push_back(verdict.object->meta.name);
    return names;
  }
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what changed last is to blame for a refused resource") {
  World world;
  world.object<api::DestinationRule>("old", 1);
  world.object<api::DestinationRule>("new", 2);
  const auto cluster =
      resource(Type::cluster, "vio", "1", {from("DestinationRule", "new"), from("DestinationRule", "old")});
  world.proxy("a-1", {cluster}, {cluster});
  CHECK(world.blamed() == Names{"new"});
  SECTION("and the next one if that did not help") {
    world.objects.at({api::Kind::destination_rule, {"onap", "new"}}).quarantine = "no";
    CHECK(world.blamed() == Names{"old"});
  }
  SECTION("at the start, what was written last") {
    World start;
    start.object<api::DestinationRule>("old", 1, "9");
    start.object<api::DestinationRule>("new", 1, "10");
    start.proxy("a-1", {cluster}, {cluster});
    CHECK(start.blamed() == Names{"new"});
  }
}

TEST_CASE("at the start an EnvoyFilter is suspected before what was written after it") {
  World world;
  world.object<api::EnvoyFilter>("patch", 1, "5");
  world.object<api::DestinationRule>("rule", 1, "9");
  const auto cluster =
      resource(Type::cluster, "vio", "1", {from("DestinationRule", "rule"), from("EnvoyFilter", "patch")});
  world.proxy("a-1", {cluster}, {cluster});
  CHECK(world.blamed() == Names{"patch"});
  // But not before what changed since.
  world.object<api::DestinationRule>("rule", 2, "9");
  CHECK(world.blamed() == Names{"rule"});
}

TEST_CASE("a resource that only our own objects shaped blames nobody") {
  World world;
  const auto cluster = resource(Type::cluster, "vio", "1", {from("Service", "vio")});
  world.proxy("a-1", {cluster}, {cluster});
  CHECK(world.blamed().empty());
}

TEST_CASE("all who were sent a resource are heard before, for a while") {
  World world;
  world.object<api::DestinationRule>("vio", 1);
  const auto cluster = resource(Type::cluster, "vio", "1", {from("DestinationRule", "vio")});
  world.proxy("a-1", {cluster}, {cluster});
  world.proxy("b-1", {cluster}, {}, false);
  CHECK(world.blamed().empty());
  CHECK(world.blame.undecided());
  world.now += 1s;
  CHECK(world.blamed() == Names{"vio"});
  CHECK_FALSE(world.blame.undecided());
}

TEST_CASE("a resource that most accept has no fault") {
  World world;
  world.object<api::DestinationRule>("vio", 1);
  const auto cluster = resource(Type::cluster, "vio", "1", {from("DestinationRule", "vio")});
  world.proxy("a-1", {cluster}, {cluster});
  world.proxy("b-1", {cluster}, {});
  CHECK(world.blamed().empty());
  world.proxy("a-2", {cluster}, {cluster});  // of the same identity: one voice
  CHECK(world.blamed().empty());
  world.proxy("c-1", {cluster}, {cluster});
  CHECK(world.blamed() == Names{"vio"});
}

TEST_CASE("one workload cannot have a policy of the whole mesh withdrawn") {
  World world;
  world.object<api::AuthorizationPolicy>("mesh", 1);
  world.object<api::AuthorizationPolicy>("own", 1);
  const auto mesh = from("AuthorizationPolicy", "mesh"), own = from("AuthorizationPolicy", "own");
  const auto mine = resource(Type::listener, "inbound-a", "1", {mesh, own});
  const auto theirs = resource(Type::listener, "inbound-b", "1", {mesh});
  world.proxy("b-1", {theirs}, {});
  SECTION("its own policies, loaded at the same time, may be at fault") {
    world.proxy("a-1", {mine}, {mine});
    CHECK(world.blamed() == Names{"own"});
  }
  SECTION("with nothing else to blame, nothing is") {
    const auto alone = resource(Type::listener, "inbound-a", "1", {mesh});
    world.proxy("a-1", {alone}, {alone});
    CHECK(world.blamed().empty());
  }
  SECTION("what changed before the policy did the listener no wrong") {
    world.objects.at({api::Kind::authorization_policy, {"onap", "mesh"}}).order = 2;
    world.proxy("a-1", {mine}, {mine});
    CHECK(world.blamed().empty());
  }
}

TEST_CASE("files that most pods do not have are no fault of the DestinationRule that names them") {
  World world;
  const auto rule = named<api::DestinationRule>("bank");
  const auto cluster = resource(Type::cluster, "bank", "1", {from("DestinationRule", "bank")});
  for (const std::string id : {"a", "b", "c"}) world.proxy(id + "-1", {cluster}, {cluster});
  world.proxy("client-1", {cluster}, {});
  const auto blamedFor = [&](const api::TrafficPolicySpec::Tls& tls, const std::string& where) {
    auto& spec = rule->spec = {};
    if (where == "host") spec.trafficPolicy.tls = tls;
    if (where == "port") spec.trafficPolicy.ports[443].tls = tls;
    if (where == "subset") spec.subsets.emplace_back().trafficPolicy.tls = tls;
    world.objects[keyOf(*rule)] = {rule, 4, 1, ""};
    return world.blamed();
  };
  using Mode = api::TrafficPolicySpec::Tls::Mode;
  api::TrafficPolicySpec::Tls tls;
  tls.mode = Mode::simple;
  tls.caCertificates = "/etc/bank/ca.crt";
  for (const std::string where : {"host", "port", "subset"}) CHECK(blamedFor(tls, where).empty());
  tls.mode = Mode::istio_mutual;  // looks at none
  CHECK(blamedFor(tls, "host") == Names{"bank"});
  tls.mode = Mode::simple;
  tls.caCertificates.clear();
  CHECK(blamedFor(tls, "host") == Names{"bank"});
}

TEST_CASE("a Gateway is blamed for routes last") {
  World world;
  world.object<api::Gateway>("edge", 2);
  world.object<api::VirtualService>("portal", 1);
  const auto host =
      resource(Type::virtual_host, "http.80/portal", "1", {from("Gateway", "edge"), from("VirtualService", "portal")});
  world.proxy("a-1", {host}, {host});
  CHECK(world.blamed() == Names{"portal"});
  const auto listener =
      resource(Type::listener, "0.0.0.0_80", "1", {from("Gateway", "edge"), from("VirtualService", "portal")});
  World other;
  other.objects = world.objects;
  other.proxy("a-1", {listener}, {listener});
  CHECK(other.blamed() == Names{"edge"});
}

TEST_CASE("an object is blamed once for all it spoils") {
  World world;
  world.object<api::DestinationRule>("vio", 1);
  const auto one = resource(Type::cluster, "vio", "1", {from("DestinationRule", "vio")});
  const auto two = resource(Type::cluster, "vio-v1", "1", {from("DestinationRule", "vio")});
  world.proxy("a-1", {one, two}, {one, two});
  CHECK(world.blamed() == Names{"vio"});
}

}  // namespace fairway::status::test
