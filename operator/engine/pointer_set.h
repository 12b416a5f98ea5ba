#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <unordered_set>
#include <vector>

namespace fairway::engine {

// A set of pointers, of which there are many and most have a handful of members: those are in a vector, only big ones in
// a hash table. In no order.
template <class T>
class PointerSet {
 public:
  [[nodiscard]] bool empty() const { return many_ ? many_->empty() : few_.empty(); }
  // False if it was there.
  bool insert(T* item) {
    if (many_) return many_->insert(item).second;
    if (std::find(few_.begin(), few_.end(), item) != few_.end()) return false;
    if (few_.size() < kFew) {
      few_.push_back(item);
      return true;
    }
    many_ = std::make_unique<std::unordered_set<T*>>(few_.begin(), few_.end());
    few_ = {};
    return many_->insert(item).second;
  }
  void erase(T* item) {
    if (many_) {
      many_->erase(item);
      return;
    }
    const auto found = std::find(few_.begin(), few_.end(), item);
    if (found == few_.end()) return;
    *found = few_.back();
    few_.pop_back();
  }
  template <class Visit>
  void each(const Visit& visit) const {
    if (many_) {
      for (T* item : *many_) visit(item);
    } else {
      for (T* item : few_) visit(item);
    }
  }

 private:
  static constexpr std::size_t kFew = 12;
  std::vector<T*> few_;
  std::unique_ptr<std::unordered_set<T*>> many_;  // in place of `few_`
};

}  // namespace fairway::engine
