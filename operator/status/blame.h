#pragma once

#include <chrono>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "status/rollout.h"

namespace fairway::status {

struct Verdict {
  api::ObjectPtr object;
  std::string reason;
};

// Decides which objects are put in quarantine, from what proxies refuse. No clock, threads or IO.
//
// - A resource has to be refused by more identities than accept it in that version. It is looked at once all proxies
//   that were sent it have answered, or after kPatience.
// - Of the objects that shaped it, the one that changed last is to blame (at the start, by resourceVersion); for a route,
//   a virtual host or an endpoint set a Gateway only if nothing else can be.
// - An object that at least as many other identities accept stays: one workload alone must not be able to have a policy
//   of the whole mesh withdrawn. Then its own last version of the resource stays at the proxy.
// - So does a DestinationRule that names files of the pod, however many refuse: they need not be in every pod.
class Blame {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kPatience{1'000};

  [[nodiscard]] std::vector<Verdict> decide(const std::map<Key, engine::ConfigObject>& objects,
                                            const std::vector<Proxy>& proxies, const Influence& influence, Time now);
  // A refusal is still to be decided on.
  [[nodiscard]] bool undecided() const { return undecided_; }

 private:
  using Refused = std::tuple<translate::Type, std::string, std::string>;  // type, name, version
  std::map<Refused, Time> since_;
  bool undecided_ = false;
};

}  // namespace fairway::status
