#include <catch2/catch.hpp>

#include <map>
#include <random>
#include <set>

#include "discovery/held_table.h"
#include "discovery/name_set.h"
#include "unit/discovery/support.h"

namespace fairway::discovery::test {
namespace {

class Dice {
 public:
  explicit Dice(unsigned seed) : random_(seed) {}
  int operator()(int below) { return std::uniform_int_distribution<int>(0, below - 1)(random_); }
  std::string name() { return "n" + std::to_string((*this)(12)); }
  // One or two sets without a name in common.
  Sets sets() {
    std::map<std::string, ResourcePtr> first, second;
    for (int i = 0; i < 12; ++i) {
      if ((*this)(3) == 0) continue;
      const auto name = "n" + std::to_string(i);
      ((*this)(2) == 0 ? first : second)[name] = resource(Type::cluster, name, std::to_string((*this)(2)));
    }
    Sets sets;
    for (const auto& each : {first, second}) {
      std::vector<ResourcePtr> list;
      for (const auto& [name, one] : each) list.push_back(one);
      sets.push_back(std::make_shared<const engine::ResourceSet>(std::move(list)));
    }
    std::sort(sets.begin(), sets.end());
    return sets;
  }

 private:
  std::mt19937 random_;
};

using Plain = std::map<std::string, std::pair<Version, Version>>;  // known, acked

void compare(const HeldTable& table, const Plain& plain) {
  Plain found;
  table.forEach([&](const std::string& name, const Held& entry) {
    REQUIRE(found.emplace(name, std::pair(entry.known, entry.acked)).second);
  });
  REQUIRE((found == plain));
  for (int i = 0; i < 13; ++i) {
    const auto name = "n" + std::to_string(i);
    const auto entry = table.find(name);
    REQUIRE(entry.has_value() == plain.contains(name));
    if (entry) REQUIRE((std::pair(entry->known, entry->acked) == plain.at(name)));
  }
  std::set<std::string> starting;
  for (const auto& [name, versions] : plain) {
    if (name.starts_with("n1")) starting.insert(name);
  }
  REQUIRE((table.startingWith("n1") == starting));
}

}  // namespace

TEST_CASE("a version is the number of its text") {
  const auto hash = contentVersion("x");
  CHECK(Version(hash).toString() == hash);
  CHECK(Version(hash) == Version(hash));
  CHECK_FALSE(Version(""));
  CHECK(Version("").toString().empty());
  for (const std::string foreign :
       {"1", "v1.2", "0123456789abcdef0123456789abcdef", "0123456789abc=", "0123456789abc"}) {
    CHECK(Version(foreign));
    CHECK(Version(foreign) == Version(foreign));
    CHECK(Version(foreign) != Version(hash));
    CHECK(Version(foreign).toString() == contentVersion(foreign));
  }
}

TEST_CASE("a sum of versions tells which name has which version") {
  const auto sum = [](const std::map<std::string, std::string>& contents) {
    VersionSum result;
    for (const auto& [name, content] : contents) result.add(name, Version(contentVersion(content)));
    return result.toString();
  };
  std::set<std::string> seen;
  for (int i = 0; i < 10'000; ++i) {
    const auto one = std::to_string(2 * i), other = std::to_string(2 * i + 1);
    CHECK(seen.insert(sum({{"c1", one}, {"c5", other}})).second);
    CHECK(seen.insert(sum({{"c1", other}, {"c5", one}})).second);
  }
}

TEST_CASE("a table that refers to sets holds what a plain one does") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    HeldTable table;
    Plain plain;
    const auto sets = dice.sets();
    if (dice(2) == 0) {
      table.hold(sets, 7, false);
      for (const auto& set : sets) {
        for (const auto& each : *set) plain[each->name] = {Version(each->version), {}};
      }
      compare(table, plain);
      table.accept(6);
      compare(table, plain);
      table.accept(7);
      for (auto& [name, versions] : plain) versions.second = versions.first;
    }
    for (int step = 0; step < 40; ++step) {
      const auto name = dice.name();
      switch (dice(4)) {
        case 0:
          table.erase(name);
          plain.erase(name);
          break;
        case 1: {
          const Version version(contentVersion(std::to_string(dice(2))));
          table[name].known = version;
          plain[name].first = version;
          break;
        }
        case 2:
          table[name].acked = table[name].known;
          plain[name].second = plain[name].first;
          break;
        default: table.refer(dice.sets());
      }
      compare(table, plain);
    }
  }
}

TEST_CASE("a set of names that refers to sets holds what a plain one does") {
  for (unsigned seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    Dice dice(seed);
    NameSet names;
    std::set<std::string> plain;
    if (dice(2) == 0) {
      std::vector<std::string> list;
      for (int i = dice(12); i > 0; --i) list.push_back(dice.name());
      plain.insert(list.begin(), list.end());
      names.assign(list, dice.sets());
    }
    for (int step = 0; step < 40; ++step) {
      const auto name = dice.name();
      switch (dice(3)) {
        case 0:
          names.insert(name);
          plain.insert(name);
          break;
        case 1: REQUIRE(names.erase(name) == (plain.erase(name) != 0)); break;
        default: names.refer(dice.sets());
      }
      REQUIRE(names.size() == plain.size());
      const auto sets = dice.sets();
      std::set<std::string> outside;
      names.forEachOutside(sets, [&](const std::string& each) { outside.insert(each); });
      for (int i = 0; i < 13; ++i) {
        const auto each = "n" + std::to_string(i);
        REQUIRE(names.contains(each) == plain.contains(each));
        if (plain.contains(each) && findIn(sets, each) == nullptr) REQUIRE(outside.contains(each));
        if (outside.contains(each)) REQUIRE(plain.contains(each));
      }
    }
  }
}

}  // namespace fairway::discovery::test
