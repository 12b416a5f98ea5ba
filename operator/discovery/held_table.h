#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "discovery/snapshot_diff.h"
#include "discovery/version.h"

namespace fairway::discovery {

// What the server believes about one resource at the client.
struct Held {
  Version known;             // the one it has once all that was sent is accepted; none: it has none, or not sure which
  Version acked;             // the one it accepted last
  Version refused;           // the one it refused: not sent again
  std::uint64_t sentIn = 0;  // serial of the last response on this stream that carried it
  bool owed = false;         // to be sent even if known: the cluster it belongs to was sent again
  bool doubtful = false;     // `known` is none and yet the client may have some version
  bool fresh = false;        // first given to the client on this stream
  bool unasked = false;      // endpoints sent after their cluster, before the client could ask for them
  bool told = false;         // asked for by name, does not exist, and the client was told so

  [[nodiscard]] bool held() const { return known || doubtful; }
};

// The resources of one type at one client. Most clients have just what the snapshots' sets hold: such a table is a
// reference to these sets, which all streams share, and the few entries that differ from them.
class HeldTable {
 public:
  [[nodiscard]] std::optional<Held> find(std::string_view name) const;
  [[nodiscard]] bool contains(std::string_view name) const { return find(name).has_value(); }
  // The entry if it is one that differs from the sets; else null.
  [[nodiscard]] Held* differing(std::string_view name);
  // The entry, made if there is none. It differs from the sets from now on.
  Held& operator[](const std::string& name);
  void erase(const std::string& name);
  // Each entry's name, in no particular order. The table must not be changed meanwhile.
  void forEachName(const std::function<void(const std::string&)>& each) const;
  // Each entry, in no particular order. The table must not be changed meanwhile.
  void forEach(const std::function<void(const std::string&, const Held&)>& each) const;
  // Names of entries that begin so.
  [[nodiscard]] std::set<std::string> startingWith(std::string_view prefix) const;

  // False: nothing was sent on this stream, as far as the table knows.
  [[nodiscard]] bool sentHere() const { return !own_.empty() || each_.sentIn != 0; }
  [[nodiscard]] bool empty() const { return sets_.empty() && own_.empty(); }
  [[nodiscard]] std::size_t differingCount() const { return own_.size(); }
  [[nodiscard]] const Sets& sets() const { return sets_; }
  void forEachDiffering(const std::function<void(const std::string&)>& each) const;

  // All resources of the sets, in their versions, were sent with the response of that serial, or (0) are known to be at the
  // client. The table must be empty.
  void hold(Sets sets, std::uint64_t sentIn, bool fresh);
  // The response of that serial was accepted: so is what hold() said of it.
  void accept(std::uint64_t serial);
  // Refers to newer sets from now on. Entries that are just held and accepted in their versions there become a part of
  // the reference, and forget in which response they came. Nothing that hold() said may wait for an answer.
  void refer(Sets sets);

 private:
  [[nodiscard]] Held ofSet(const ResourcePtr& resource) const;

  Sets sets_;
  Held each_;             // of what is in the sets and not in own_, but for its versions
  bool accepted_ = true;  // these are accepted
  std::map<std::string, std::optional<Held>, std::less<>> own_;  // nothing: no entry, although in the sets
};

}  // namespace fairway::discovery
