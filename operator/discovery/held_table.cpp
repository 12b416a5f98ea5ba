#include "discovery/held_table.h"

#include <utility>

namespace fairway::discovery {
namespace {

// An entry that a reference to the set's resource can stand for.
bool justHeld(const Held& entry, const ResourcePtr& resource) {
  return !entry.owed && !entry.doubtful && !entry.refused && !entry.unasked && !entry.told &&
         entry.known == entry.acked && entry.known == Version(resource->version);
}

}  // namespace

Held HeldTable::ofSet(const ResourcePtr& resource) const {
  Held entry = each_;
  entry.known = Version(resource->version);
  if (accepted_) entry.acked = entry.known;
  return entry;
}

std::optional<Held> HeldTable::find(std::string_view name) const {
  if (const auto own = own_.find(name); own != own_.end()) return own->second;
  if (const auto* resource = findIn(sets_, name)) return ofSet(*resource);
  return std::nullopt;
}

Held* HeldTable::differing(std::string_view name) {
  const auto own = own_.find(name);
  return own != own_.end() && own->second ? &*own->second : nullptr;
}

Held& HeldTable::operator[](const std::string& name) {
  const auto [own, made] = own_.try_emplace(name);
  if (made) {
    if (const auto* resource = findIn(sets_, name)) own->second = ofSet(*resource);
  }
  if (!own->second) own->second.emplace();
  return *own->second;
}

void HeldTable::erase(const std::string& name) {
  if (findIn(sets_, name) != nullptr) {
    own_[name].reset();
  } else {
    own_.erase(name);
  }
}

void HeldTable::forEachName(const std::function<void(const std::string&)>& each) const {
  for (const auto& [name, entry] : own_) {
    if (entry) each(name);
  }
  for (const auto& set : sets_) {
    for (const auto& resource : *set) {
      if (own_.empty() || !own_.contains(resource->name)) each(resource->name);
    }
  }
}

void HeldTable::forEach(const std::function<void(const std::string&, const Held&)>& each) const {
  for (const auto& [name, entry] : own_) {
    if (entry) each(name, *entry);
  }
  for (const auto& set : sets_) {
    for (const auto& resource : *set) {
      if (!own_.contains(resource->name)) each(resource->name, ofSet(resource));
    }
  }
}

std::set<std::string> HeldTable::startingWith(std::string_view prefix) const {
  std::set<std::string> names;
  for (const auto& set : sets_) {
    for (auto it = set->lowerBound(prefix); it != set->end() && (*it)->name.starts_with(prefix); ++it) {
      if (!own_.contains((*it)->name)) names.insert((*it)->name);
    }
  }
  for (auto it = own_.lower_bound(prefix); it != own_.end() && it->first.starts_with(prefix); ++it) {
    if (it->second) names.insert(it->first);
  }
  return names;
}

void HeldTable::forEachDiffering(const std::function<void(const std::string&)>& each) const {
  for (const auto& [name, entry] : own_) each(name);
}

void HeldTable::hold(Sets sets, std::uint64_t sentIn, bool fresh) {
  sets_ = std::move(sets);
  each_ = {};
  each_.sentIn = sentIn;
  each_.fresh = fresh;
  accepted_ = sentIn == 0;
}

void HeldTable::accept(std::uint64_t serial) {
  if (each_.sentIn == serial) accepted_ = true;
}

void HeldTable::refer(Sets sets) {
  std::map<std::string, std::optional<Held>, std::less<>> kept;
  const auto consider = [&](const std::string& name) {
    auto entry = find(name);
    const auto* resource = findIn(sets, name);
    const bool same = resource == nullptr ? !entry : entry && justHeld(*entry, *resource);
    if (!same) kept.emplace(name, std::move(entry));
  };
  for (const auto& [name, entry] : own_) consider(name);
  forEachDifference(sets_, sets, consider);
  own_ = std::move(kept);
  sets_ = std::move(sets);
  each_ = {};
  accepted_ = true;
}

}  // namespace fairway::discovery
