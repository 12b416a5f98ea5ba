#include "engine/discovery_selectors.h"

#include <set>

#include <catch2/catch.hpp>

#include "api/core.h"
#include "api/mesh_config.h"
#include "api/networking.h"
#include "api/sidecar.h"

using namespace fairway;
using api::Kind;
using engine::DiscoverySelectors;
using store::Change;

namespace {

template <class Object>
Change object(const std::string& ns, const std::string& name, api::Labels labels = {}) {
  auto made = std::make_shared<Object>();
  made->meta.ns = ns;
  made->meta.name = name;
  made->meta.labels = std::move(labels);
  return {Object::kKind, made->meta.key(), made};
}

Change service(const std::string& ns, const std::string& name) { return object<api::Service>(ns, name); }
Change space(const std::string& name, api::Labels labels = {}) {
  return object<api::Namespace>("", name, std::move(labels));
}

Change mesh(std::vector<api::gateway_api::LabelSelector> selectors) {
  auto change = object<api::ConfigMap>("istio-system", "istio");
  auto made = std::make_shared<api::ConfigMap>(static_cast<const api::ConfigMap&>(*change.object));
  made->spec.mesh.emplace().discoverySelectors = std::move(selectors);
  change.object = made;
  return change;
}

api::gateway_api::LabelSelector labelled(const std::string& key, const std::string& value) {
  return {{{key, value}}, {}};
}

// As the core uses it: what the store has in the end.
struct World {
  store::Store store{{}};
  engine::ConfigObjects configuration;
  DiscoverySelectors selectors{{}};

  void apply(std::vector<Change> changes) {
    selectors.filter(changes, store, configuration);
    configuration.filter(changes, 0);
    store.apply(changes, [](const store::Read&) {});
  }
  [[nodiscard]] std::set<std::string> names(Kind kind) const {
    std::set<std::string> result;
    for (const auto& name : store.names(kind)) result.insert(name.toString());
    return result;
  }
  [[nodiscard]] std::set<std::string> services() const { return names(Kind::service); }
};

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("without selectors every namespace counts") {
  World world;
  world.apply({service("a", "x"), service("b", "y"), mesh({})});
  CHECK(world.services() == Names{"a/x", "b/y"});
  CHECK(world.selectors.withheld() == 0);
}

TEST_CASE("selectors take effect at once, whatever came first, and let everything in again when they go") {
  const std::vector<Change> objects = {service("in", "x"),
                                       service("out", "y"),
                                       service("istio-system", "z"),
                                       object<api::VirtualService>("out", "v"),
                                       space("in", {{"mesh", "on"}}),
                                       space("out")};
  for (const bool settingsFirst : {false, true}) {
    CAPTURE(settingsFirst);
    World world;
    if (settingsFirst) world.apply({mesh({labelled("mesh", "on")})});
    world.apply(objects);
    if (!settingsFirst) world.apply({mesh({labelled("mesh", "on")})});
    CHECK(world.services() == Names{"in/x", "istio-system/z"});
    CHECK(world.names(Kind::virtual_service).empty());
    CHECK(world.selectors.withheld() == 2);
    world.apply({{Kind::config_map, {"istio-system", "istio"}, nullptr}});
    CHECK(world.services() == Names{"in/x", "istio-system/z", "out/y"});
    CHECK(world.names(Kind::virtual_service) == Names{"out/v"});
    CHECK(world.selectors.withheld() == 0);
  }
}

TEST_CASE("one selector of several is enough, by labels, expressions, or the namespace's name") {
  World world;
  api::gateway_api::LabelSelector expression;
  expression.expressions.push_back({"tier", "In", {"web", "db"}});
  world.apply({mesh({labelled("mesh", "on"), expression, labelled("kubernetes.io/metadata.name", "named")}),
               space("a", {{"mesh", "on"}}), space("b", {{"tier", "db"}}), space("c", {{"tier", "x"}}),
               service("a", "s"), service("b", "s"), service("c", "s"), service("named", "s")});
  CHECK(world.services() == Names{"a/s", "b/s", "named/s"});
}

TEST_CASE("a namespace comes and goes with its labels, with what changed meanwhile") {
  World world;
  world.apply({mesh({labelled("mesh", "on")}), space("a"), service("a", "old"), service("a", "gone")});
  CHECK(world.services().empty());
  world.apply({{Kind::service, {"a", "gone"}, nullptr}, service("a", "new")});
  world.apply({space("a", {{"mesh", "on"}})});
  CHECK(world.services() == Names{"a/new", "a/old"});
  CHECK(world.selectors.withheld() == 0);
  // In one batch: it is let in, and one of its objects goes.
  world.apply({space("a")});
  CHECK(world.services().empty());
  world.apply({space("a", {{"mesh", "on"}}), {Kind::service, {"a", "old"}, nullptr}});
  CHECK(world.services() == Names{"a/new"});
}

TEST_CASE("what protects the proxies of a namespace is never withheld") {
  World world;
  world.apply({mesh({labelled("mesh", "on")}), object<api::Pod>("out", "p"), object<api::Secret>("out", "s"),
               object<api::Sidecar>("out", "s")});
  CHECK(world.names(Kind::pod) == Names{"out/p"});
  CHECK(world.names(Kind::secret) == Names{"out/s"});
  CHECK(world.names(Kind::sidecar) == Names{"out/s"});
  for (const Kind kind :
       {Kind::policy, Kind::mesh_policy, Kind::service_role, Kind::service_role_binding, Kind::rbac_config,
        Kind::cluster_rbac_config, Kind::peer_authentication, Kind::authorization_policy, Kind::request_authentication,
        Kind::rate_limit, Kind::envoy_filter, Kind::reference_grant, Kind::config_map, Kind::namespace_}) {
    CHECK_FALSE(engine::isDiscovered(kind));
  }
}

TEST_CASE("what was in quarantine comes back as its user wrote it") {
  World world;
  const auto rule = object<api::VirtualService>("a", "v");
  world.apply({mesh({labelled("mesh", "on")}), space("a", {{"mesh", "on"}}), rule});
  auto harmful = world.configuration.quarantine(*rule.object, "proxies refuse it", 0);
  REQUIRE(harmful.size() == 1);
  world.store.apply(harmful, [](const store::Read&) {});
  CHECK_FALSE(world.store.get(Kind::virtual_service, "a", "v")->valid());
  world.apply({space("a")});
  CHECK(world.names(Kind::virtual_service).empty());
  world.apply({space("a", {{"mesh", "on"}})});
  CHECK(world.store.get(Kind::virtual_service, "a", "v")->valid());
}
