#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "discovery/set_index.h"
#include "discovery/snapshot_diff.h"

namespace fairway::discovery {

// Names that a client asked for. Mostly these are the names of the snapshots' sets, and so a reference to those, with the
// few that differ.
class NameSet {
 public:
  [[nodiscard]] bool contains(std::string_view name) const;
  // These names and no others; a reference to the sets as far as that says it. `indexes` may be null.
  void assign(const std::vector<std::string>& names, Sets sets, SetIndexes* indexes = nullptr);
  void insert(const std::string& name);
  bool erase(const std::string& name);  // whether it was there
  [[nodiscard]] std::size_t size() const { return shared_ - missing_.size() + extra_.size(); }

  // These are all names of the sets, and perhaps others.
  [[nodiscard]] bool containsAllOf(const Sets& sets) const { return missing_.empty() && sets_ == sets; }
  // How many names differ from those of the sets.
  [[nodiscard]] std::size_t differingCount() const { return missing_.size() + extra_.size(); }
  [[nodiscard]] const Sets& sets() const { return sets_; }
  // Calls `each` with all names that these sets do not have, and perhaps with some that they have.
  void forEachOutside(const Sets& sets, const std::function<void(const std::string&)>& each) const;
  // Refers to other sets from now on; the names stay the same.
  void refer(Sets sets);

 private:
  Sets sets_;
  std::size_t shared_ = 0;                      // names in the sets
  std::set<std::string, std::less<>> missing_;  // of the sets' names
  std::set<std::string, std::less<>> extra_;    // beside the sets' names
};

}  // namespace fairway::discovery
