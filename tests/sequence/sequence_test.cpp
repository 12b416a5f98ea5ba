#include <catch2/catch.hpp>

#include <cstdlib>

#include "api/networking.h"
#include "engine/core.h"
#include "normalize/queries.h"
#include "sequence/world.h"
#include "translate/units.h"

using namespace fairway;
using engine::Core;
using test::State;

// The oracle of the incremental engine: after every step of any sequence of changes, every unit's value
// and every proxy's snapshot equal those of a core that was built anew from the same objects.
namespace {

const store::Catalogue& catalogue() {
  static const auto all = [] {
    store::Catalogue result;
    normalize::registerQueries(result);
    translate::registerUnits(result);
    return result;
  }();
  return all;
}

std::vector<translate::Proxy> proxies() {
  std::vector<translate::Proxy> result;
  for (const std::string ns : {"onap", "blue"}) {
    for (const std::string pod : {"msb-0", "vio-0", "vio-1", "db-0"}) {
      translate::Proxy proxy;
      proxy.ns = ns;
      proxy.pod = pod;
      proxy.serviceAccount = pod.substr(0, pod.find('-'));
      proxy.labels = {{"app", proxy.serviceAccount}};
      proxy.ips = {"10.1.0.1"};
      result.push_back(proxy);
    }
  }
  result[2].metadata = {{"CLUSTER_ID", "c1"}};
  result[3].wholeRoutes = true;
  result[1].interception = translate::Interception::none;
  result[1].outboundAddress = "127.0.0.5";
  translate::Proxy gateway;
  gateway.type = translate::ProxyType::gateway;
  gateway.ns = "istio-system";
  gateway.pod = "gw-0";
  gateway.serviceAccount = "gw";
  gateway.labels = {{"istio", "ingressgateway"}};
  gateway.ips = {"10.1.99.1"};
  result.push_back(gateway);
  return result;
}

void connectAll(Core& core) {
  Core::ProxyId id = 1;
  for (auto& proxy : proxies()) core.connect(id++, std::move(proxy));
}

std::map<std::string, std::string> contents(const engine::SnapshotPtr& snapshot) {
  std::map<std::string, std::string> result;
  if (!snapshot) return result;
  for (const auto& scope : snapshot->scopes) {
    for (const auto& set : scope->sets) {
      for (const auto& resource : *set) {
        const auto name = std::string(translate::shortName(resource->type)) + " " + resource->name;
        if (!result.emplace(name, resource->version + "\n" + resource->body).second) {
          throw std::logic_error("two scopes hold " + name);
        }
      }
    }
  }
  return result;
}

void compareWithRebuilt(const Core& core) {
  Core rebuilt(core.store().mesh(), catalogue());
  connectAll(rebuilt);
  std::vector<store::Change> changes;
  for (const auto& object : core.store().objects()) changes.push_back({object->kind, object->meta.key(), object});
  rebuilt.update(changes);

  for (Core::ProxyId id = 1; id <= proxies().size(); ++id) {
    INFO("proxy " << id);
    const auto have = contents(core.snapshot(id));
    const auto want = contents(rebuilt.snapshot(id));
    std::vector<std::string> differing;
    for (const auto& [name, body] : want) {
      const auto found = have.find(name);
      if (found == have.end()) {
        differing.push_back("missing " + name);
      } else if (found->second != body) {
        differing.push_back("different " + name);
      }
    }
    for (const auto& [name, body] : have) {
      if (!want.contains(name)) differing.push_back("left over " + name);
    }
    CHECK(differing == std::vector<std::string>{});
  }

  // A unit that did not run, because nothing that it recorded changed, must have the value it would have if
  // it had run: what it did not record does not matter to it. So this is the mutation test, too.
  std::map<store::UnitKey, std::shared_ptr<const void>> want;
  for (const auto& unit : rebuilt.graph().units()) want[unit.key] = unit.value;
  std::size_t compared = 0;
  for (const auto& unit : core.graph().units()) {
    const auto found = want.find(unit.key);
    INFO("unit " << unit.key.toString());
    REQUIRE(found != want.end());
    REQUIRE((unit.value && found->second));
    CHECK(catalogue().at(unit.key.type).equal(unit.value.get(), found->second.get()));
    ++compared;
  }
  CHECK(compared == want.size());
  CHECK(core.graph().notes() == rebuilt.graph().notes());
  CHECK(core.graph().stats().failures == 0);
}

// What streams trust: from a scope's snapshot to a later one, no name differs that the steps between do not tell.
class StepsCheck {
 public:
  void look(const Core& core) {
    std::map<std::uint64_t, std::shared_ptr<const engine::ScopeSnapshot>> now;
    for (Core::ProxyId id = 1; id <= proxies().size(); ++id) {
      const auto snapshot = core.snapshot(id);
      if (!snapshot) continue;
      for (const auto& scope : snapshot->scopes) now.emplace(scope->id, scope);
    }
    for (const auto& [id, scope] : now) {
      std::array<std::set<std::string>, translate::kTypeCount> told;
      for (auto step = scope->steps.rbegin(); step != scope->steps.rend(); ++step) {
        REQUIRE((*step)->to == (step == scope->steps.rbegin() ? id : (*std::prev(step))->from));
        for (std::size_t type = 0; type < told.size(); ++type) {
          told[type].insert((*step)->names[type].begin(), (*step)->names[type].end());
        }
        const auto before = seen_.find((*step)->from);
        if (before != seen_.end()) compare(*before->second, *scope, told);
      }
    }
    seen_.merge(now);
  }

 private:
  using Names = std::array<std::set<std::string>, translate::kTypeCount>;

  static void compare(const engine::ScopeSnapshot& before, const engine::ScopeSnapshot& after, const Names& told) {
    for (std::size_t type = 0; type < told.size(); ++type) {
      const auto require = [&](const engine::ResourceSet& one, const engine::ResourceSet& other) {
        for (const auto& resource : one) {
          const auto* found = other.find(resource->name);
          if (found == nullptr || (*found)->version != resource->version) REQUIRE(told[type].contains(resource->name));
        }
      };
      require(*before.sets[type], *after.sets[type]);
      require(*after.sets[type], *before.sets[type]);
    }
  }

  std::map<std::uint64_t, std::shared_ptr<const engine::ScopeSnapshot>> seen_;
};

// Runs the states one after the other, comparing after each.
void runStates(const std::vector<State>& states, std::mt19937& random) {
  Core core(store::MeshConfig{}, catalogue());
  connectAll(core);
  StepsCheck steps;
  State at;
  for (std::size_t step = 0; step < states.size(); ++step) {
    INFO("step " << step);
    core.update(test::changesBetween(at, states[step], random));
    at = states[step];
    compareWithRebuilt(core);
    steps.look(core);
  }
}

std::size_t rounds(std::size_t usual) {
  const char* factor = std::getenv("FAIRWAY_SEQUENCE_FACTOR");
  return factor ? usual * static_cast<std::size_t>(std::atoi(factor)) : usual;
}

std::vector<State> randomStates(std::mt19937& random, std::size_t length) {
  std::vector<State> states{test::randomState(random, 0.7)};
  while (states.size() < length) {
    const auto size = std::uniform_int_distribution<std::size_t>(1, 4)(random);
    states.push_back(test::mutated(states.back(), size, random));
  }
  return states;
}

}  // namespace

TEST_CASE("incremental equals rebuilt: forward, reversed, emptied, squashed and split") {
  for (std::size_t round = 0; round < rounds(6); ++round) {
    std::mt19937 random(static_cast<unsigned>(1000 + round));
    INFO("seed " << 1000 + round);
    const auto states = randomStates(random, 8);
    SECTION("forward " + std::to_string(round)) { runStates(states, random); }
    SECTION("reversed " + std::to_string(round)) { runStates({states.rbegin(), states.rend()}, random); }
    SECTION("with empty states between " + std::to_string(round)) {
      std::vector<State> expanded;
      for (const auto& state : states) {
        expanded.push_back(state);
        expanded.push_back({});
      }
      runStates(expanded, random);
    }
    SECTION("squashed " + std::to_string(round)) { runStates({states.front(), states.back()}, random); }
    SECTION("split " + std::to_string(round)) {
      // Every object's change is a step of its own, in random order.
      Core core(store::MeshConfig{}, catalogue());
      connectAll(core);
      State at;
      for (const auto& state : {states.front(), states.back()}) {
        for (const auto& change : test::changesBetween(at, state, random)) core.update({change});
        at = state;
        compareWithRebuilt(core);
      }
    }
  }
}

TEST_CASE("incremental equals rebuilt: single mutations of a full world") {
  std::mt19937 random(7);
  const auto full = test::randomState(random, 1.0);
  Core core(store::MeshConfig{}, catalogue());
  connectAll(core);
  core.update(test::changesBetween({}, full, random));
  for (const auto& [name, variants] : test::worldObjects()) {
    State other = full;
    other[name] = full.at(name) % variants + 1;
    INFO(name << " from variant " << full.at(name) << " to " << other[name]);
    core.update(test::changesBetween(full, other, random));
    compareWithRebuilt(core);
    core.update(test::changesBetween(other, full, random));
  }
  compareWithRebuilt(core);
}

TEST_CASE("proxies come and go") {
  std::mt19937 random(21);
  auto state = test::randomState(random, 0.8);
  Core core(store::MeshConfig{}, catalogue());
  core.update(test::changesBetween({}, state, random));
  connectAll(core);
  core.update({});
  compareWithRebuilt(core);
  for (Core::ProxyId id = 1; id <= proxies().size(); ++id) {
    core.disconnect(id);
    const auto next = test::mutated(state, 2, random);
    core.update(test::changesBetween(state, next, random));
    state = next;
    core.connect(id, proxies()[id - 1]);
    core.update({});
    compareWithRebuilt(core);
  }
  for (Core::ProxyId id = 1; id <= proxies().size(); ++id) core.disconnect(id);
  core.update({});
  CHECK(core.graph().size() == 0);
}

TEST_CASE("incremental equals rebuilt while objects go into quarantine and come out of it") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    auto state = test::randomState(random, 0.9);
    Core core(store::MeshConfig{}, catalogue());
    connectAll(core);
    core.update(test::changesBetween({}, state, random));
    for (int step = 0; step < 10; ++step) {
      const auto& all = core.configuration().all();
      if (!all.empty()) {
        const auto one = std::next(all.begin(), static_cast<std::ptrdiff_t>(random() % all.size()));
        core.quarantine(one->second.object, "refused");
      }
      const auto next = step % 2 == 0 ? state : test::mutated(state, 2, random);
      core.update(test::changesBetween(state, next, random));
      state = next;
      compareWithRebuilt(core);
    }
    const auto& all = core.configuration().all();
    CHECK(std::any_of(all.begin(), all.end(), [](const auto& each) { return !each.second.quarantine.empty(); }));
  }
}

TEST_CASE("a replayed, duplicated or reordered event changes nothing") {
  std::mt19937 random(5);
  const auto state = test::randomState(random, 0.9);
  Core core(store::MeshConfig{}, catalogue());
  connectAll(core);
  const auto changes = test::changesBetween({}, state, random);
  core.update(changes);
  const auto runs = core.graph().stats().runs;
  auto again = changes;
  std::shuffle(again.begin(), again.end(), random);
  again.insert(again.end(), changes.begin(), changes.end());
  CHECK(core.update(again).empty());
  CHECK(core.graph().stats().runs == runs);
}

// Counted work: a change costs what it touches.
TEST_CASE("a change runs the units that read it, and no others (contour#6743, contour#6906)") {
  std::mt19937 random(3);
  State state;
  for (const auto& [name, variants] : test::worldObjects()) {
    const bool policy = name.starts_with("Authorization") || name.starts_with("Peer") || name.starts_with("Policy");
    if (!policy) state[name] = 1;
  }
  Core core(store::MeshConfig{}, catalogue());
  connectAll(core);
  core.update(test::changesBetween({}, state, random));

  const auto runsAfter = [&](const std::string& name, int variant) {
    const auto before = core.graph().stats().runsByType;
    auto next = state;
    next[name] = variant;
    core.update(test::changesBetween(state, next, random));
    state = next;
    std::map<std::string_view, std::uint64_t> result;
    for (const auto& [type, runs] : core.graph().stats().runsByType) {
      const auto found = before.find(type);
      const auto extra = runs - (found == before.end() ? 0 : found->second);
      if (extra != 0) result[type] = extra;
    }
    return result;
  };

  SECTION("an endpoint less: the endpoints of its service, in each cluster of it") {
    const auto runs = runsAfter("EndpointSlice/onap/msb", 2);
    std::uint64_t total = 0;
    for (const auto& [type, count] : runs) total += count;
    CHECK(runs.contains(normalize::EndpointsOf::kType));
    CHECK_FALSE(runs.contains("clusters"));
    CHECK_FALSE(runs.contains(normalize::RoutesOf::kType));
    CHECK(total < 10);
  }
  SECTION("a VirtualService's timeout: the virtual hosts of its host") {
    const auto runs = runsAfter("VirtualService/onap", 3);
    CHECK(runs.contains(normalize::RoutesOf::kType));
    CHECK_FALSE(runs.contains(normalize::EndpointsOf::kType));
    CHECK_FALSE(runs.contains("clusters"));
  }
  SECTION("a DestinationRule that some clients alone see: the clusters of its host, and no scope") {
    const auto runs = runsAfter("DestinationRule/onap", 8);
    CHECK(runs.contains("host-clusters"));
    CHECK(runs.contains("clusters"));
    CHECK_FALSE(runs.contains("sidecar-outbound"));
  }
  SECTION("a renewed certificate: what is made of its secret, and not the listener") {
    runsAfter("Gateway/edge", 4);
    const auto runs = runsAfter("Secret/edge", 2);
    CHECK(runs.contains("gateway-secret"));
    CHECK_FALSE(runs.contains("gateway-listener"));
    CHECK_FALSE(runs.contains("clusters"));
  }
  SECTION("an Ingress's path: the gateway's routes") {
    const auto runs = runsAfter("Ingress/onap", 2);
    CHECK(runs.contains(normalize::GatewayRoutes::kType));
    CHECK_FALSE(runs.contains("sidecar-outbound"));
    CHECK_FALSE(runs.contains("virtual-host"));
    CHECK_FALSE(runs.contains(normalize::EndpointsOf::kType));
  }
  SECTION("a role: authorization, and the inbound side it leads to") {
    const auto runs = runsAfter("ServiceRole/onap", 3);
    CHECK(runs.contains(normalize::AuthorizationOf::kType));
    CHECK_FALSE(runs.contains(normalize::EndpointsOf::kType));
    CHECK_FALSE(runs.contains(normalize::RoutesOf::kType));
  }
}
