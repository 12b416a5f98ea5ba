#include "discovery/set_index.h"

#include <catch2/catch.hpp>

#include "unit/discovery/support.h"

namespace fairway::discovery::test {
namespace {

std::shared_ptr<const engine::ResourceSet> setOf(int from, int to) {
  std::map<std::string, ResourcePtr> sorted;
  for (int i = from; i < to; ++i) {
    const auto name = "n" + std::to_string(i);
    sorted[name] = resource(Type::cluster, name, std::to_string(i));
  }
  std::vector<ResourcePtr> list;
  for (const auto& [name, one] : sorted) list.push_back(one);
  return std::make_shared<const engine::ResourceSet>(std::move(list));
}

}  // namespace

TEST_CASE("an index finds what its sets have, at its place") {
  const int size = GENERATE(0, 1, 2, 7, 8, 1000);
  const Sets sets{setOf(0, size), setOf(size, size + 5), setOf(0, 0)};
  SetIndexes shared;
  const SetsIndex index(sets, GENERATE(false, true) ? &shared : nullptr);
  SetMarks marks(sets);
  CHECK(marks.size() == static_cast<std::size_t>(size) + 5);
  for (int i = 0; i < size + 5; ++i) {
    const auto found = index.find("n" + std::to_string(i));
    REQUIRE(found);
    CHECK(found->version == contentVersion(std::to_string(i)));
    if (i % 2 == 0) marks.mark(*found, true);
  }
  for (const char* name : {"", "n", "n-1", "n00", "x"}) CHECK_FALSE(index.find(name));
  CHECK_FALSE(index.find("n" + std::to_string(size + 5)));
  CHECK(marks.count() == (static_cast<std::size_t>(size) + 6) / 2);
  marks.forEach(
      [](const ResourcePtr& each, bool marked) { REQUIRE(marked == (std::stoi(each->name.substr(1)) % 2 == 0)); });
}

TEST_CASE("indexes are kept while they are asked for") {
  SetIndexes indexes;
  auto set = setOf(0, 10);
  const auto* first = indexes.of(set).get();
  for (int i = 0; i < 10; ++i) {
    indexes.sweep();
    CHECK(indexes.of(set).get() == first);
  }
  SECTION("not when nobody does") {
    for (int i = 0; i < 3; ++i) indexes.sweep();
    CHECK(indexes.size() == 0);
  }
  SECTION("nor for a set that is gone") {
    set.reset();
    indexes.sweep();
    CHECK(indexes.size() == 0);
  }
}

}  // namespace fairway::discovery::test
