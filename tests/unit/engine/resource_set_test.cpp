#include "engine/resource_set.h"

#include <catch2/catch.hpp>

#include <map>
#include <random>

using namespace fairway;
using engine::ResourceSet;
using translate::ResourcePtr;

namespace {

ResourcePtr resource(const std::string& name) {
  auto made = std::make_shared<translate::Resource>();
  made->name = name;
  return made;
}

std::vector<ResourcePtr> list(const ResourceSet& set) { return {set.begin(), set.end()}; }

std::vector<ResourcePtr> list(const std::map<std::string, ResourcePtr>& map) {
  std::vector<ResourcePtr> result;
  for (const auto& [name, each] : map) result.push_back(each);
  return result;
}

}  // namespace

TEST_CASE("an empty set") {
  const ResourceSet set;
  CHECK(set.empty());
  CHECK(set.begin() == set.end());
  CHECK(set.find("a") == nullptr);
  CHECK(set.lowerBound("a") == set.end());
  const auto one = set.with({{"a", resource("a")}, {"b", nullptr}});
  CHECK(one.size() == 1);
  CHECK(one.with({{"a", nullptr}}).empty());
}

TEST_CASE("changed sets hold what a map holds, whatever the changes") {
  std::mt19937 random(11);
  const auto number = [&](int below) { return std::uniform_int_distribution<int>(0, below - 1)(random); };
  for (int round = 0; round < 20; ++round) {
    std::map<std::string, ResourcePtr> wanted;
    ResourceSet set;
    const int names = round % 2 == 0 ? 20 : 3000;
    for (int step = 0; step < 40; ++step) {
      std::map<std::string, ResourcePtr> changes;
      const int count = number(4) == 0 ? number(names) : number(4);
      const bool shrink = number(3) == 0;
      for (int i = 0; i < count; ++i) {
        const auto name = "r" + std::to_string(number(names));
        changes[name] = shrink || number(3) == 0 ? nullptr : resource(name);
      }
      for (const auto& [name, each] : changes) {
        if (each) {
          wanted[name] = each;
        } else {
          wanted.erase(name);
        }
      }
      set = set.with({changes.begin(), changes.end()});
      REQUIRE(set.size() == wanted.size());
      REQUIRE(list(set) == list(wanted));
      for (int i = 0; i < 20; ++i) {
        const auto name = "r" + std::to_string(number(names)) + (number(2) == 0 ? "" : "x");
        const auto found = wanted.lower_bound(name);
        const auto bound = set.lowerBound(name);
        REQUIRE((bound == set.end()) == (found == wanted.end()));
        if (found != wanted.end()) REQUIRE(*bound == found->second);
        REQUIRE((set.find(name) != nullptr) == wanted.contains(name));
      }
    }
    REQUIRE(list(ResourceSet(list(wanted))) == list(wanted));
  }
}
