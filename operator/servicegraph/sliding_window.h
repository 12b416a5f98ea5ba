#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>

namespace fairway::servicegraph {

// What was counted of each key in the last while, in slots of time: the sum over any part of it. Counts has += and a default
// value of nothing. Bounded: of more keys than `most`, new ones are refused until old ones have had nothing for the whole
// span. No IO, no locks; time comes as an argument and does not go back.
template <class Key, class Counts>
class SlidingWindow {
 public:
  using Time = std::chrono::steady_clock::time_point;

  SlidingWindow(std::chrono::seconds span, std::chrono::seconds slot, std::size_t most)
      : slots_(span / slot), slot_(slot), most_(most) {}

  // False: there is no room for another key.
  bool add(const Key& key, const Counts& counts, Time now) {
    const auto at = slotOf(now);
    auto found = series_.find(key);
    if (found == series_.end()) {
      if (series_.size() >= most_) prune(at);
      if (series_.size() >= most_) {
        ++refused_;
        return false;
      }
      found = series_.emplace(key, std::deque<Slot>()).first;
    }
    auto& series = found->second;
    if (series.empty() || series.back().at != at) series.push_back({at, {}});
    series.back().counts += counts;
    while (series.front().at + slots_ <= at) series.pop_front();
    return true;
  }

  // Of the last `window`, to the precision of a slot. Keys without anything in it are left out.
  [[nodiscard]] std::map<Key, Counts> sum(std::chrono::seconds window, Time now) const {
    const auto at = slotOf(now);
    const auto count = std::min<std::int64_t>(slots_, std::max<std::int64_t>(1, (window + slot_ / 2) / slot_));
    std::map<Key, Counts> result;
    for (const auto& [key, series] : series_) {
      Counts counts;
      bool any = false;
      for (auto slot = series.rbegin(); slot != series.rend() && slot->at + count > at; ++slot) {
        counts += slot->counts;
        any = true;
      }
      if (any) result.emplace(key, counts);
    }
    return result;
  }

  // Forgets what has had nothing for the whole span.
  void prune(Time now) { prune(slotOf(now)); }
  [[nodiscard]] std::size_t size() const { return series_.size(); }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }

 private:
  struct Slot {
    std::int64_t at;
    Counts counts;
  };
  [[nodiscard]] std::int64_t slotOf(Time time) const { return time.time_since_epoch() / slot_; }
  void prune(std::int64_t at) {
    std::erase_if(series_,
                  [&](const auto& each) { return each.second.empty() || each.second.back().at + slots_ <= at; });
  }

  std::int64_t slots_;
  std::chrono::seconds slot_;
  std::size_t most_;
  std::map<Key, std::deque<Slot>> series_;
  std::uint64_t refused_ = 0;
};

}  // namespace fairway::servicegraph
