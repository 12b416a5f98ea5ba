#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/meta.h"
#include "control/writes.h"

namespace fairway::control {

// An object with a status subresource.
struct StatusTarget {
  std::string group, version, plural, kind;
  api::NamespacedName name;

  auto operator<=>(const StatusTarget&) const = default;
};

// Where those who compute the status of objects put it. Any replica may; what is new is written by the leader, at a
// bounded rate. Thread-safe.
class StatusWriter {
 public:
  virtual ~StatusWriter() = default;
  // What the status has to be: a merge patch (RFC 7396) of the object's `status`, with null for what must not be there.
  virtual void set(const StatusTarget& target, nlohmann::json status) = 0;
  // What the status was seen to be, in the shape that set() takes. Without it, the first status is written unseen,
  // which changes nothing at the API server if it is equal.
  virtual void seen(const StatusTarget& target, nlohmann::json status) = 0;
  // The object is gone, or its status is no longer ours.
  virtual void forget(const StatusTarget& target) = 0;
};

// The write of a status that is made, where others have conditions in it, too (a WorkloadEntry's health): a merge patch takes a list
// as a whole, so theirs are put in from the `object` as it was read, and it is only for that version.
kube::Call keepingOtherConditions(const kube::Call& write, const nlohmann::json& object);
bool hasOtherConditions(const Write& write);

// The statuses that are wanted and those that are known to be there. Thread-safe.
class StatusTable final : public StatusWriter {
 public:
  void set(const StatusTarget& target, nlohmann::json status) override;
  void seen(const StatusTarget& target, nlohmann::json status) override;
  void forget(const StatusTarget& target) override;

  // For the leader: what differs from what is known, and how to write it.
  [[nodiscard]] std::vector<Write> writes() const;
  // A write of writes() was made.
  void wrote(const Write& write);
  // Nothing is known of what is there: on becoming the leader. Then it is read, and learned() says so.
  void unlearn();
  void learned();
  [[nodiscard]] bool isLearned() const;
  // What the status is to be, else what it is known to be; null if neither is said.
  [[nodiscard]] nlohmann::json expected(const StatusTarget& target) const;

 private:
  struct Entry {
    std::optional<nlohmann::json> wanted, known;
  };
  mutable std::mutex mutex_;
  std::map<StatusTarget, Entry> entries_;
  bool learned_ = false;
};

}  // namespace fairway::control
