#include "discovery/snapshot_diff.h"

#include <algorithm>
#include <set>
#include <vector>

namespace fairway::discovery {
namespace {

// The resources of `sets` that are not in `others`, by name.
std::vector<const translate::Resource*> unshared(const Sets& sets, const Sets& others) {
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

// By the steps that the engine took. False, with nothing called, if they do not lead from one to the other.
bool forEachStep(const engine::ProxySnapshot& before, const engine::ProxySnapshot& after, Type type,
                 const std::function<void(const std::string&)>& changed) {
  if (before.scopes.size() != after.scopes.size()) return false;
  std::vector<const std::vector<std::string>*> lists;
  for (std::size_t i = 0; i < after.scopes.size(); ++i) {
    const auto& from = *before.scopes[i];
    const auto& to = *after.scopes[i];
    if (&from == &to) continue;
    if (from.id == 0 || to.id == 0) return false;
    auto step = std::find_if(to.steps.begin(), to.steps.end(), [&](const auto& each) { return each->from == from.id; });
    if (step == to.steps.end()) return false;
    for (; step != to.steps.end(); ++step) {
      const auto& names = (*step)->names[static_cast<std::size_t>(type)];
      if (!names.empty()) lists.push_back(&names);
    }
  }
  if (lists.size() == 1) {
    for (const auto& name : *lists.front()) changed(name);
    return true;
  }
  std::set<std::string_view> seen;
  for (const auto* names : lists) {
    for (const auto& name : *names) {
      if (seen.insert(name).second) changed(name);
    }
  }
  return true;
}

}  // namespace

Sets setsOf(const engine::ProxySnapshot& snapshot, Type type) {
  Sets sets;
  sets.reserve(snapshot.scopes.size());
  for (const auto& scope : snapshot.scopes) sets.push_back(scope->sets[static_cast<std::size_t>(type)]);
  std::sort(sets.begin(), sets.end());
  return sets;
}

const ResourcePtr* findIn(const Sets& sets, std::string_view name) {
  for (const auto& set : sets) {
    if (const auto* found = set->find(name)) return found;
  }
  return nullptr;
}

void forEachDifference(const Sets& before, const Sets& after, const std::function<void(const std::string&)>& changed) {
  const auto olds = unshared(before, after);
  const auto news = unshared(after, before);
  auto a = olds.begin();
  auto b = news.begin();
  while (a != olds.end() || b != news.end()) {
    if (a != olds.end() && b != news.end() && *a == *b) {
      ++a;
      ++b;
    } else if (b == news.end() || (a != olds.end() && (*a)->name < (*b)->name)) {
      changed((*a++)->name);
    } else if (a == olds.end() || (*b)->name < (*a)->name) {
      changed((*b++)->name);
    } else {
      if ((*a)->version != (*b)->version) changed((*b)->name);
      ++a;
      ++b;
    }
  }
}

void forEachChange(const engine::ProxySnapshot& before, const engine::ProxySnapshot& after, Type type,
                   const std::function<void(const std::string&)>& changed) {
  if (!forEachStep(before, after, type, changed)) {
    forEachDifference(setsOf(before, type), setsOf(after, type), changed);
  }
}

void forEachVirtualHost(const engine::ProxySnapshot& snapshot, std::string_view route,
                        const std::function<void(const ResourcePtr&)>& each) {
  const auto prefix = std::string(route) + "/";
  for (const auto& scope : snapshot.scopes) {
    const auto& set = *scope->sets[static_cast<std::size_t>(Type::virtual_host)];
    for (auto it = set.lowerBound(prefix); it != set.end() && (*it)->name.starts_with(prefix); ++it) {
      if ((*it)->name.rfind('/') == route.size()) each(*it);
    }
  }
}

}  // namespace fairway::discovery
