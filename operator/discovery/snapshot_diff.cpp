#include "discovery/snapshot_diff.h"

#include <algorithm>
#include <vector>

namespace fairway::discovery {
namespace {

using SetPtr = std::shared_ptr<const engine::ResourceSet>;

std::vector<SetPtr> setsOf(const engine::ProxySnapshot& snapshot, Type type) {
  std::vector<SetPtr> sets;
  for (const auto& scope : snapshot.scopes) sets.push_back(scope->sets[static_cast<std::size_t>(type)]);
  std::sort(sets.begin(), sets.end());
  return sets;
}

// The resources of `sets` that are not in `others`, by name.
std::vector<const translate::Resource*> unshared(const std::vector<SetPtr>& sets, const std::vector<SetPtr>& others) {
  std::vector<const translate::Resource*> result;
  std::size_t runs = 0;
  for (const auto& set : sets) {
    if (std::binary_search(others.begin(), others.end(), set)) continue;
    ++runs;
    for (const auto& resource : *set) result.push_back(resource.get());
  }
  if (runs > 1) {
    std::sort(result.begin(), result.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  }
  return result;
}

}  // namespace

void forEachChange(const engine::ProxySnapshot& before, const engine::ProxySnapshot& after, Type type,
                   const std::function<void(const std::string&)>& changed) {
  const auto oldSets = setsOf(before, type);
  const auto newSets = setsOf(after, type);
  const auto olds = unshared(oldSets, newSets);
  const auto news = unshared(newSets, oldSets);
  auto a = olds.begin();
  auto b = news.begin();
  while (a != olds.end() || b != news.end()) {
    if (b == news.end() || (a != olds.end() && (*a)->name < (*b)->name)) {
      changed((*a++)->name);
    } else if (a == olds.end() || (*b)->name < (*a)->name) {
      changed((*b++)->name);
    } else {
      if (*a != *b && (*a)->version != (*b)->version) changed((*b)->name);
      ++a;
      ++b;
    }
  }
}

void forEachVirtualHost(const engine::ProxySnapshot& snapshot, std::string_view route,
                        const std::function<void(const ResourcePtr&)>& each) {
  const auto prefix = std::string(route) + "/";
  for (const auto& scope : snapshot.scopes) {
    const auto& set = *scope->sets[static_cast<std::size_t>(Type::virtual_host)];
    auto it = std::lower_bound(set.begin(), set.end(), prefix,
                               [](const ResourcePtr& a, const std::string& b) { return a->name < b; });
    for (; it != set.end() && (*it)->name.starts_with(prefix); ++it) {
      if ((*it)->name.rfind('/') == route.size()) each(*it);
    }
  }
}

}  // namespace fairway::discovery
