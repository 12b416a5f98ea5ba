#include "discovery/set_index.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <iterator>

namespace fairway::discovery {
namespace {

// The slot is taken from the lower half of the hash.
std::uint32_t upper(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32U); }

constexpr int kSweepsUnused = 2;

}  // namespace

SetIndex::SetIndex(const engine::ResourceSet& set) : slots_(std::bit_ceil(2 * set.size() + 1)) {
  std::size_t bytes = 0;
  for (const auto& resource : set) bytes += resource->name.size() + resource->version.size();
  text_.reserve(bytes);
  entries_.reserve(set.size());
  const auto mask = slots_.size() - 1;
  for (const auto& resource : set) {
    const auto hash = hashOf(resource->name);
    auto slot = hash & mask;
    while (slots_[slot].entry != kFree) slot = (slot + 1) & mask;
    slots_[slot] = {upper(hash), static_cast<std::uint32_t>(entries_.size())};
    entries_.push_back({text_.size(), static_cast<std::uint32_t>(resource->name.size()),
                        static_cast<std::uint32_t>(resource->version.size())});
    text_ += resource->name;
    text_ += resource->version;
  }
}

std::uint64_t SetIndex::hashOf(std::string_view name) { return std::hash<std::string_view>{}(name); }

std::optional<SetIndex::Found> SetIndex::find(std::string_view name, std::uint64_t hash) const {
  const auto mask = slots_.size() - 1;
  for (auto slot = hash & mask; slots_[slot].entry != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot].hash != upper(hash)) continue;
    const auto& entry = entries_[slots_[slot].entry];
    if (nameOf(entry) != name) continue;
    return Found{slots_[slot].entry, {text_.data() + entry.at + entry.name, entry.version}};
  }
  return std::nullopt;
}

std::shared_ptr<const SetIndex> SetIndexes::of(const SetPtr& set) {
  const std::lock_guard lock(mutex_);
  auto& known = known_[set.get()];
  known.unused = 0;
  if (known.set.lock() != set) known = {set, std::make_shared<const SetIndex>(*set), 0};
  return known.index;
}

void SetIndexes::sweep() {
  const std::lock_guard lock(mutex_);
  for (auto it = known_.begin(); it != known_.end();) {
    auto& known = it->second;
    it = known.set.expired() || ++known.unused > kSweepsUnused ? known_.erase(it) : std::next(it);
  }
}

std::size_t SetIndexes::size() const {
  const std::lock_guard lock(mutex_);
  return known_.size();
}

SetsIndex::SetsIndex(const Sets& sets, SetIndexes* indexes) {
  for (std::size_t i = 0; i < sets.size(); ++i) {
    if (sets[i]->empty()) continue;
    parts_.push_back({i, indexes != nullptr ? indexes->of(sets[i]) : std::make_shared<const SetIndex>(*sets[i])});
  }
  std::sort(parts_.begin(), parts_.end(),
            [](const Part& a, const Part& b) { return a.index->size() > b.index->size(); });
}

std::optional<SetsIndex::Found> SetsIndex::find(std::string_view name) const {
  const auto hash = SetIndex::hashOf(name);
  for (const auto& part : parts_) {
    if (const auto found = part.index->find(name, hash)) return Found{part.set, found->place, found->version};
  }
  return std::nullopt;
}

SetMarks::SetMarks(const Sets& sets) : sets_(sets) {
  for (const auto& set : sets) {
    marks_.emplace_back(set->size());
    size_ += set->size();
  }
}

std::size_t SetMarks::count() const {
  std::size_t count = 0;
  for (const auto& each : marks_) count += static_cast<std::size_t>(std::count(each.begin(), each.end(), true));
  return count;
}

}  // namespace fairway::discovery
