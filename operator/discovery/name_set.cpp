#include "discovery/name_set.h"

#include <algorithm>
#include <utility>

namespace fairway::discovery {

bool NameSet::contains(std::string_view name) const {
  if (extra_.contains(name)) return true;
  return findIn(sets_, name) != nullptr && !missing_.contains(name);
}

void NameSet::assign(std::vector<std::string> names, Sets sets) {
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::vector<bool> found(names.size());
  shared_ = 0;
  missing_.clear();
  extra_.clear();
  for (const auto& set : sets) {
    shared_ += set->size();
    std::size_t at = 0;
    for (const auto& resource : *set) {
      while (at < names.size() && names[at] < resource->name) ++at;
      if (at < names.size() && names[at] == resource->name) {
        found[at] = true;
      } else {
        missing_.insert(resource->name);
      }
    }
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!found[i]) extra_.insert(std::move(names[i]));
  }
  sets_ = std::move(sets);
}

void NameSet::insert(const std::string& name) {
  if (findIn(sets_, name) != nullptr) {
    missing_.erase(name);
  } else {
    extra_.insert(name);
  }
}

bool NameSet::erase(const std::string& name) {
  if (extra_.erase(name) != 0) return true;
  return findIn(sets_, name) != nullptr && missing_.insert(name).second;
}

void NameSet::forEachOutside(const Sets& sets, const std::function<void(const std::string&)>& each) const {
  for (const auto& name : extra_) each(name);
  if (sets_.empty()) return;
  forEachDifference(sets_, sets, [&](const std::string& name) {
    if (contains(name) && !extra_.contains(name)) each(name);
  });
}

void NameSet::refer(Sets sets) {
  std::set<std::string, std::less<>> missing, extra;
  const auto consider = [&](const std::string& name) {
    const bool in = contains(name), there = findIn(sets, name) != nullptr;
    if (in && !there) extra.insert(name);
    if (!in && there) missing.insert(name);
  };
  for (const auto& name : missing_) consider(name);
  for (const auto& name : extra_) consider(name);
  forEachDifference(sets_, sets, consider);
  shared_ = 0;
  for (const auto& set : sets) shared_ += set->size();
  missing_ = std::move(missing);
  extra_ = std::move(extra);
  sets_ = std::move(sets);
}

}  // namespace fairway::discovery
