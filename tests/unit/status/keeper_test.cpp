#include "status/keeper.h"

#include <catch2/catch.hpp>

#include "unit/status/support.h"

namespace fairway::status::test {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

// One object, one cluster that it shapes, and a clock.
struct Fixture {
  World world;
  std::vector<Proxy> proxies;
  std::uint64_t revision = 0, refusals = 0;
  std::vector<std::string> quarantined, told;
  std::optional<std::vector<std::string>> others{std::in_place};
  std::map<Key, Json> statuses;
  int writes = 0, asked = 0;
  bool leads = true;
  Keeper::Time now{};
  ResourcePtr cluster = resource(Type::cluster, "vio", "1", {from("DestinationRule", "vio")});
  std::shared_ptr<const engine::ScopeSnapshot> made = scope({cluster});
  Key key{api::Kind::destination_rule, {"onap", "vio"}};
  Keeper keeper{calls()};

  Keeper::Calls calls() {
    Keeper::Calls result;
    result.revision = [this] { return revision; };
    result.configuration = [this] { return revision; };
    result.look = [this] { return world; };
    result.refusals = [this] { return refusals; };
    result.proxies = [this] {
      ++asked;
      return proxies;
    };
    result.quarantine = [this](const Verdict& verdict) { quarantined.push_back(verdict.object->meta.name); };
    result.wallClock = [] { return "2026-01-02T03:04:05Z"; };
    result.tell = [this](const std::string& report) { told.push_back(report); };
    result.others = [this] { return others; };
    result.leading = [this] { return leads; };
    result.knownStatus = [this](const Key& of) { return statuses.contains(of) ? statuses[of] : Json(); };
    result.setStatus = [this](const Key& of, const Json& status) {
      ++writes;
      statuses[of] = status;
    };
    result.forgetStatus = [this](const Key& of) { statuses.erase(of); };
    return result;
  }
  void change(std::uint64_t changedAfter, std::int64_t generation) {
    const auto rule = named<api::DestinationRule>("vio");
    rule->meta.generation = generation;
    world.objects[key] = {rule, changedAfter, static_cast<std::uint64_t>(generation), ""};
    ++revision;
  }
  void tick(std::chrono::milliseconds step = 200ms) {
    now += step;
    keeper.tick(now);
  }
  // "Programmed" of the status that was set last.
  std::string programmed() {
    if (!statuses.contains(key)) return "(none)";
    const auto& condition = statuses[key].at("conditions")[1];
    return condition.at("reason").get<std::string>() + ": " + condition.at("message").get<std::string>();
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "an object is followed until it is live everywhere, and then let be") {
  change(10, 1);
  proxies = {proxy("a-1", made, 11, 11), proxy("b-1", made, 12, 3)};
  tick();
  CHECK(programmed() == "(none)");  // it may yet be live in no time
  CHECK_FALSE(keeper.states().at(key).settled);
  tick(1s);
  CHECK(programmed() == "Pending: live on 1 of 2 proxies");
  tick();
  CHECK(writes == 1);
  proxies[1].applied = 12;
  tick();
  CHECK(programmed() == "Programmed: live on 2 of 2 proxies");
  CHECK(keeper.states().at(key).settled);
  asked = 0;
  for (int i = 0; i < 50; ++i) tick();
  CHECK(asked == 0);
  CHECK(writes == 2);
}

TEST_CASE_METHOD(Fixture, "a status that takes long is written at a low rate") {
  change(10, 1);
  for (int i = 0; i < 40; ++i) proxies.push_back(proxy("a-" + std::to_string(i), made, 11, 1));
  for (auto& each : proxies) {
    each.applied = 11;
    tick(500ms);
  }
  for (int i = 0; i < 5; ++i) tick(500ms);
  CHECK(programmed() == "Programmed: live on 40 of 40 proxies");
  CHECK(writes <= 6);
}

TEST_CASE_METHOD(Fixture, "what proxies refuse is accused, also later") {
  change(10, 1);
  proxies = {proxy("a-1", made, 11, 11)};
  tick();
  REQUIRE(keeper.states().at(key).settled);
  proxies[0].refusals = {{cluster, "no"}};
  ++refusals;
  tick();
  CHECK(quarantined == std::vector<std::string>{"vio"});
  CHECK_FALSE(keeper.states().at(key).settled);
  world.objects[key].quarantine = "because";
  world.objects[key].changedAfter = 11;
  ++revision;
  proxies = {proxy("a-1", scope({resource(Type::cluster, "vio", "2", {from("DestinationRule", "vio")})}), 12, 12)};
  tick(1s);
  tick();
  CHECK(keeper.states().at(key).settled);
  CHECK(programmed().starts_with("NotAccepted"));
  CHECK(statuses[key].at("conditions")[0].at("message") == "because");
}

TEST_CASE_METHOD(Fixture, "other replicas are added up, and waited for a while") {
  change(10, 1);
  proxies = {proxy("a-1", made, 11, 11)};
  others = std::vector<std::string>{""};
  tick();
  REQUIRE(told.size() == 1);
  CHECK(decode(told[0]).at(0).live == 1);
  tick(1s);
  CHECK(programmed() == "Pending: live on 1 of 1 proxy");
  SECTION("until they speak of the same content") {
    auto report = decode(told.back());
    report[0].proxies = 3;
    report[0].live = 2;
    others = std::vector<std::string>{encode(report)};
    tick(5s);
    CHECK(programmed() == "Pending: live on 3 of 4 proxies");
    report[0].live = 3;
    others = std::vector<std::string>{encode(report)};
    tick();
    CHECK(programmed() == "Programmed: live on 4 of 4 proxies");
  }
  SECTION("who they are has to be known") {
    others.reset();
    tick(6s);
    CHECK(programmed() == "Pending: live on 1 of 1 proxy");
    others = std::vector<std::string>{};
    tick();
    CHECK(programmed() == "Programmed: live on 1 of 1 proxy");
  }
  SECTION("or are silent for long") {
    for (int i = 0; i < 100; ++i) tick();
    CHECK(programmed() == "Programmed: live on 1 of 1 proxy");
  }
}

TEST_CASE_METHOD(Fixture, "others are told of what is under way, not of what is long live") {
  change(10, 1);
  proxies = {proxy("a-1", made, 11, 11)};
  tick();
  CHECK(decode(told.back()).size() == 1);
  tick(61s);
  CHECK(decode(told.back()).empty());
}

TEST_CASE_METHOD(Fixture, "only the leader writes; a new one writes what is not there") {
  leads = false;
  change(10, 1);
  proxies = {proxy("a-1", made, 11, 11)};
  tick();
  tick(30s);
  CHECK(writes == 0);
  leads = true;
  tick();
  CHECK(writes == 1);
  leads = false;
  tick();
  CHECK(statuses.empty());  // another writes from now on
  statuses[key] = Json{{"observedGeneration", 1},
                       {"conditions",
                        {{{"type", "Accepted"},
                          {"status", "True"},
                          {"reason", "Accepted"},
                          {"message", "in use"},
                          {"observedGeneration", 1}},
                         {{"type", "Programmed"},
                          {"status", "True"},
                          {"reason", "Programmed"},
                          {"message", "live on 7 of 7 proxies"},
                          {"observedGeneration", 1}}}}};
  leads = true;
  tick();
  CHECK(writes == 1);
}

TEST_CASE_METHOD(Fixture, "a changed or removed object") {
  change(10, 1);
  proxies = {proxy("a-1", made, 11, 11)};
  tick();
  change(20, 2);
  proxies = {proxy("a-1", made, 21, 11)};
  tick(1s);
  CHECK_FALSE(keeper.states().at(key).settled);
  proxies[0].applied = 21;
  tick(1s);
  CHECK(statuses[key].at("observedGeneration") == 2);
  world.objects.clear();
  ++revision;
  tick(1s);
  CHECK(keeper.states().empty());
  CHECK(statuses.empty());
}

}  // namespace fairway::status::test
