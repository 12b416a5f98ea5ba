#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "model/common.h"
#include "status/blame.h"
#include "status/reports.h"

namespace fairway::status {

// The configuration, and what translation has to say about it.
struct World {
  std::map<Key, engine::ConfigObject> objects;
  model::Notes notes;
};

// Follows each object from its change until it is live everywhere: accuses objects that proxies refuse, tells the other
// replicas how far the own proxies are, and, as the leader, what the status of each object has to be.
//
// The work of a tick depends on what is under way: nothing is looked at for objects that are live. tick() is called by
// one thread, some times a second; the rest is thread-safe.
class Keeper {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Calls {
    std::function<std::uint64_t()> revision;       // changes when look() has something new to tell
    std::function<std::uint64_t()> configuration;  // changes when its objects are others
    std::function<World()> look;
    std::function<std::uint64_t()> refusals;  // counts responses that proxies refused
    std::function<std::vector<Proxy>()> proxies;
    std::function<void(const Verdict&)> quarantine;
    std::function<std::string()> wallClock;  // RFC 3339
    // With other replicas only, else null: to tell them, and what each of them told last (nothing: not known yet).
    std::function<void(const std::string& report)> tell;
    std::function<std::optional<std::vector<std::string>>()> others;
    // In a cluster only, else null: whether this replica writes statuses, what is there, and what is to be there.
    std::function<bool()> leading;
    std::function<nlohmann::json(const Key&)> knownStatus;  // null: none
    std::function<void(const Key&, const nlohmann::json& status)> setStatus;
    std::function<void(const Key&)> forgetStatus;
  };

  explicit Keeper(Calls calls) : calls_(std::move(calls)) {}
  void tick(Time now);

  // Of the last look(), for the log; looks() counts these.
  [[nodiscard]] const model::Notes& notes() const { return world_.notes; }
  [[nodiscard]] std::uint64_t looks() const { return looks_; }
  // How far each object is at the proxies of this replica; thread-safe.
  struct State {
    Report report;
    bool valid = true;     // it can be read
    bool settled = false;  // live everywhere here
  };
  [[nodiscard]] std::map<Key, State> states() const;
  // What the last look had to say: objects' notes by severity, and those about ports that several want. Thread-safe.
  struct NoteCounts {
    std::array<std::size_t, 3> bySeverity{};
    std::array<std::size_t, 4> byConflict{};
  };
  [[nodiscard]] NoteCounts noteCounts() const;

 private:
  struct Tracked {
    std::string content;  // contentOf()
    std::uint64_t order = 0;
    std::string quarantine;
    Time changed;
    std::optional<Time> settled;  // since when it is live everywhere
    Rollout rollout;
    model::Notes notes;
    bool tell = true;  // the status may have to be another
    std::optional<Time> told;
  };

  void sync(Time now);
  void follow(Time now);
  void report(Time now);
  void tellStatuses(Time now);
  [[nodiscard]] Report reportOf(const Key& key, const Tracked& tracked) const;

  const Calls calls_;
  World world_;
  std::map<Key, Tracked> tracked_;
  Influence influence_;
  Blame blame_;
  std::optional<std::uint64_t> revision_, configuration_;
  std::uint64_t refusals_ = 0, looks_ = 0;
  Time nextLook_{}, nextFollow_{}, nextTell_{};
  bool missesOthers_ = false;  // another replica has not spoken of a content yet
  std::string told_;
  bool led_ = false;

  mutable std::mutex mutex_;
  std::map<Key, State> states_;
  NoteCounts noteCounts_;
};

}  // namespace fairway::status
