#include "engine/config_objects.h"

#include <catch2/catch.hpp>

#include "api/core.h"
#include "api/networking.h"

using namespace fairway;
using engine::ConfigObjects;
using store::Change;

namespace {

std::shared_ptr<api::DestinationRule> rule(const std::string& name, const std::string& host) {
  auto object = std::make_shared<api::DestinationRule>();
  object->meta.ns = "onap";
  object->meta.name = name;
  object->spec.host = host;
  return object;
}

Change change(const api::ObjectPtr& object) { return {object->kind, object->meta.key(), object}; }
Change removed(const api::Object& object) { return {object.kind, object.meta.key(), nullptr}; }

struct Fixture {
  ConfigObjects objects;
  const engine::ConfigObject& of(const api::Object& object) {
    return objects.all().at({object.kind, object.meta.key()});
  }
  // What the store is told.
  api::ObjectPtr filtered(const Change& given, std::uint64_t generation) {
    std::vector<Change> changes{given};
    objects.filter(changes, generation);
    return changes.at(0).object;
  }
};

}  // namespace

TEST_CASE_METHOD(Fixture, "only configuration is followed, and what it says is passed on") {
  const auto pod = std::make_shared<api::Pod>();
  CHECK(filtered(change(pod), 1) == pod);
  CHECK(objects.all().empty());
  const auto a = rule("a", "vio");
  CHECK(filtered(change(a), 7) == a);
  CHECK(of(*a).object == a);
  CHECK(of(*a).changedAfter == 7);
}

TEST_CASE_METHOD(Fixture, "the same content again is no change, a generation of it is told") {
  const auto a = rule("a", "vio");
  filtered(change(a), 1);
  const auto again = rule("a", "vio");
  again->meta.resourceVersion = "5";
  filtered(change(again), 9);
  CHECK(of(*a).changedAfter == 1);
  CHECK(of(*a).object == again);
  const auto next = rule("a", "vio");
  next->meta.generation = 2;
  filtered(change(next), 9);
  CHECK(of(*a).changedAfter == 1);
  CHECK(of(*a).object->meta.generation == 2);
}

TEST_CASE_METHOD(Fixture, "an object in quarantine is one that could not be read, until it changes") {
  const auto a = rule("a", "vio");
  filtered(change(a), 1);
  const auto told = objects.quarantine(*a, "the proxy says no", 4);
  REQUIRE(told.size() == 1);
  CHECK_FALSE(told[0].object->valid());
  CHECK(told[0].object->problems == api::Problems{{api::Problem::Severity::error, "", "the proxy says no"}});
  CHECK(of(*a).object == a);
  CHECK(of(*a).quarantine == "the proxy says no");
  CHECK(of(*a).changedAfter == 4);
  SECTION("the same content, from a new list") {
    CHECK_FALSE(filtered(change(rule("a", "vio")), 5)->valid());
    CHECK(of(*a).quarantine == "the proxy says no");
  }
  SECTION("other content") {
    const auto better = rule("a", "ocata");
    CHECK(filtered(change(better), 5) == better);
    CHECK(of(*a).quarantine.empty());
    CHECK(of(*a).changedAfter == 5);
  }
  SECTION("gone, and there again") {
    CHECK(filtered(removed(*a), 5) == nullptr);
    CHECK(objects.all().empty());
    CHECK(filtered(change(a), 6)->valid());
  }
  SECTION("accused again") { CHECK(objects.quarantine(*a, "no", 5).empty()); }
}

TEST_CASE_METHOD(Fixture, "what was accused is gone or other by now") {
  const auto a = rule("a", "vio");
  CHECK(objects.quarantine(*a, "no", 1).empty());
  filtered(change(rule("a", "ocata")), 1);
  CHECK(objects.quarantine(*a, "no", 1).empty());
  CHECK(of(*a).quarantine.empty());
}

TEST_CASE_METHOD(Fixture, "changes of one batch have one order") {
  std::vector<Change> batch{change(rule("a", "x")), change(rule("b", "x"))};
  objects.filter(batch, 1);
  filtered(change(rule("c", "x")), 1);
  CHECK(of(*rule("a", "")).order == of(*rule("b", "")).order);
  CHECK(of(*rule("c", "")).order > of(*rule("a", "")).order);
}
