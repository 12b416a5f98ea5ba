#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "discovery/messages.h"

namespace fairway::discovery {

// Names and versions of a set's resources in one piece of memory, for clients that name all of them: after a restart
// each proxy states some thousand versions, and a search of the set for each would cost more than all else.
class SetIndex {
 public:
  struct Found {
    std::size_t place = 0;  // in the set's order
    std::string_view version;
  };

  explicit SetIndex(const engine::ResourceSet& set);
  [[nodiscard]] static std::uint64_t hashOf(std::string_view name);
  [[nodiscard]] std::optional<Found> find(std::string_view name, std::uint64_t hash) const;
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::size_t at = 0;  // where the name begins in text_, and the version behind it
    std::uint32_t name = 0, version = 0;
  };
  struct Slot {
    std::uint32_t hash = 0;  // a part of it
    std::uint32_t entry = kFree;
  };
  static constexpr std::uint32_t kFree = UINT32_MAX;

  [[nodiscard]] std::string_view nameOf(const Entry& entry) const { return {text_.data() + entry.at, entry.name}; }

  std::string text_;
  std::vector<Entry> entries_;
  std::vector<Slot> slots_;  // a power of two of them, at most half of them taken
};

// The indexes of sets that clients have lately named, shared by all streams. Thread-safe.
class SetIndexes {
 public:
  using SetPtr = std::shared_ptr<const engine::ResourceSet>;

  [[nodiscard]] std::shared_ptr<const SetIndex> of(const SetPtr& set);
  // Forgets those that were not asked for since the last but one call, and those of sets that are gone.
  void sweep();
  [[nodiscard]] std::size_t size() const;

 private:
  struct Known {
    std::weak_ptr<const engine::ResourceSet> set;  // an address may be used again
    std::shared_ptr<const SetIndex> index;
    int unused = 0;  // sweeps since it was asked for
  };

  mutable std::mutex mutex_;
  std::unordered_map<const void*, Known> known_;
};

// One look-up of many names in the sets of a type.
class SetsIndex {
 public:
  struct Found {
    std::size_t set = 0, place = 0;
    std::string_view version;
  };

  // `indexes` may be null: then they are made for this one use.
  SetsIndex(const Sets& sets, SetIndexes* indexes);
  [[nodiscard]] std::optional<Found> find(std::string_view name) const;

 private:
  struct Part {
    std::size_t set = 0;
    std::shared_ptr<const SetIndex> index;
  };
  std::vector<Part> parts_;  // the largest first: most names are there
};

// Marks for each resource of some sets.
class SetMarks {
 public:
  explicit SetMarks(const Sets& sets);
  void mark(const SetsIndex::Found& at, bool value) { marks_[at.set][at.place] = value; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::size_t count() const;
  // Calls `each(resource, marked)` in order.
  template <class Each>
  void forEach(const Each& each) const {
    for (std::size_t i = 0; i < sets_.size(); ++i) {
      std::size_t place = 0;
      for (const auto& resource : *sets_[i]) each(resource, marks_[i][place++]);
    }
  }

 private:
  const Sets& sets_;
  std::vector<std::vector<bool>> marks_;
  std::size_t size_ = 0;
};

}  // namespace fairway::discovery
