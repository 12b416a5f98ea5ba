#pragma once

#include <cstddef>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "translate/resource.h"

namespace fairway::engine {

// Resources of one type, sorted by name, names unique. Immutable, in chunks: a set made from another by a few changes
// shares all chunks but those with a change, so that the cost of a change does not grow with the set.
class ResourceSet {
 public:
  using Chunk = std::vector<translate::ResourcePtr>;
  // A name, and its resource from now on (null: none).
  using Change = std::pair<std::string, translate::ResourcePtr>;

  class Iterator {
   public:
    using iterator_category = std::forward_iterator_tag;
    using value_type = translate::ResourcePtr;
    using difference_type = std::ptrdiff_t;
    using pointer = const translate::ResourcePtr*;
    using reference = const translate::ResourcePtr&;

    Iterator() = default;
    reference operator*() const { return (*(*chunks_)[chunk_])[at_]; }
    pointer operator->() const { return &**this; }
    Iterator& operator++() {
      if (++at_ == (*chunks_)[chunk_]->size()) {
        ++chunk_;
        at_ = 0;
      }
      return *this;
    }
    Iterator operator++(int) {
      auto before = *this;
      ++*this;
      return before;
    }
    bool operator==(const Iterator& other) const { return chunk_ == other.chunk_ && at_ == other.at_; }
    bool operator!=(const Iterator& other) const { return !(*this == other); }

   private:
    friend class ResourceSet;
    using Chunks = std::vector<std::shared_ptr<const Chunk>>;
    Iterator(const Chunks& chunks, std::size_t chunk, std::size_t at) : chunks_(&chunks), chunk_(chunk), at_(at) {}
    const Chunks* chunks_ = nullptr;
    std::size_t chunk_ = 0, at_ = 0;
  };

  ResourceSet() = default;
  explicit ResourceSet(std::vector<translate::ResourcePtr> sorted);

  // This set with changes, which are sorted by name, names unique.
  [[nodiscard]] ResourceSet with(const std::vector<Change>& changes) const;

  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] Iterator begin() const { return {chunks_, 0, 0}; }
  [[nodiscard]] Iterator end() const { return {chunks_, chunks_.size(), 0}; }
  // In order, none of them empty.
  [[nodiscard]] const std::vector<std::shared_ptr<const Chunk>>& chunks() const { return chunks_; }
  // The first whose name is not before `name`.
  [[nodiscard]] Iterator lowerBound(std::string_view name) const;
  // Null: there is none.
  [[nodiscard]] const translate::ResourcePtr* find(std::string_view name) const;

 private:
  std::vector<std::shared_ptr<const Chunk>> chunks_;  // none of them empty
  std::size_t size_ = 0;
};

}  // namespace fairway::engine
