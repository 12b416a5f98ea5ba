#include "control/balance.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/strings.h"

namespace fairway::control {

std::size_t streamsToShed(std::size_t own, const std::vector<std::size_t>& others) {
  if (others.empty() || own == 0) return 0;
  const std::size_t total = std::accumulate(others.begin(), others.end(), own);
  const double mean = static_cast<double>(total) / static_cast<double>(others.size() + 1);
  const auto mine = static_cast<double>(own);
  const auto least = static_cast<double>(*std::min_element(others.begin(), others.end()));
  const bool tooMany = mine > mean * 1.1 + 1;
  // Many replicas can all be within their share while a new one has nothing.
  const bool oneLacks = least < mean * 0.8 - 1 && mine > mean;
  if (!tooMany && !oneLacks) return 0;
  const auto surplus = static_cast<std::size_t>(std::ceil(mine - mean));
  return std::clamp<std::size_t>(surplus, 1, std::max<std::size_t>(1, own / 10));
}

void ReplicaTable::observe(const std::vector<Lease>& leases, Time now) {
  if (first_ == Time{}) first_ = now;
  std::map<std::string, Seen> next;
  for (const Lease& lease : leases) {
    const auto before = seen_.find(lease.name);
    const bool same = before != seen_.end() && before->second.lease == lease;
    next.emplace(lease.name, Seen{lease, same ? before->second.changed : now});
  }
  seen_ = std::move(next);
}

std::vector<std::size_t> ReplicaTable::others(Time now) const {
  std::vector<std::size_t> counts;
  for (const auto& [name, seen] : seen_) {
    if (name == self_ || now - seen.changed >= kAlive) continue;
    const auto streams = seen.lease.annotations.find(kStreams);
    const auto count = streams == seen.lease.annotations.end() ? std::nullopt : toNumber(streams->second);
    if (count) counts.push_back(*count);
  }
  return counts;
}

std::vector<std::string> ReplicaTable::reports(Time now) const {
  std::vector<std::string> reports;
  for (const auto& [name, seen] : seen_) {
    if (name == self_ || now - seen.changed >= kAlive) continue;
    const auto& annotations = seen.lease.annotations;
    const auto report = annotations.find(kReport);
    reports.push_back(report == annotations.end() ? "" : report->second);
  }
  return reports;
}

std::set<std::string> ReplicaTable::alive(Time now) const {
  std::set<std::string> holders;
  for (const auto& [name, seen] : seen_) {
    if (now - seen.changed < kAlive) holders.insert(seen.lease.holder);
  }
  return holders;
}

std::vector<Lease> ReplicaTable::forgotten(Time now) const {
  std::vector<Lease> leases;
  for (const auto& [name, seen] : seen_) {
    if (name != self_ && now - seen.changed >= kForgotten) leases.push_back(seen.lease);
  }
  return leases;
}

}  // namespace fairway::control
