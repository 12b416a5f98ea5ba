#include "discovery/name_set.h"

#include <utility>

namespace fairway::discovery {

bool NameSet::contains(std::string_view name) const {
  if (extra_.contains(name)) return true;
  return findIn(sets_, name) != nullptr && !missing_.contains(name);
}

void NameSet::assign(const std::vector<std::string>& names, Sets sets, SetIndexes* indexes) {
  missing_.clear();
  extra_.clear();
  sets_ = std::move(sets);
  const SetsIndex index(sets_, indexes);
  SetMarks named(sets_);
  for (const auto& name : names) {
    if (const auto found = index.find(name)) {
      named.mark(*found, true);
    } else {
      extra_.insert(name);
    }
  }
  shared_ = named.size();
  named.forEach([this](const ResourcePtr& resource, bool marked) {
    if (!marked) missing_.insert(resource->name);
  });
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
