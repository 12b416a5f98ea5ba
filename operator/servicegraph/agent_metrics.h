#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "servicegraph/builder.h"
#include "servicegraph/sample.h"
#include "servicegraph/sliding_window.h"

namespace fairway::servicegraph {

// Rates and latencies from the agents' pages of metrics, where no Prometheus keeps them: the growth of Istio's counters from
// page to page, by edge, over the last quarter of an hour. Bounded in agents, series of an agent, and edges. No IO, no locks.
class AgentMetrics {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // A page of the agent at `address`. Of the first one nothing counts: who knows when it grew so far.
  void observe(const std::string& address, std::string_view page, Time now);
  // Agents that are not among those that are asked any more.
  template <class Wanted>
  void keep(const Wanted& wanted) {
    std::erase_if(agents_, [&](const auto& each) { return !wanted.contains(each.first); });
  }
  // What the last `window` had, as rates. Nothing before there were two pages.
  void addTo(GraphBuilder& builder, std::chrono::seconds window, Time now) const;

 private:
  struct Counts {
    double requests = 0, errors = 0, bytes = 0;
    std::map<double, double> buckets;  // upper bound in milliseconds -> requests up to it
    Counts& operator+=(const Counts& other);
  };
  struct Agent {
    std::unordered_map<std::string, double> values;  // series -> last value
  };

  std::map<std::string, Agent> agents_;
  std::optional<Time> since_;  // when growth could be seen first
  SlidingWindow<Labels, Counts> window_{std::chrono::minutes(15), std::chrono::seconds(15), 5'000};
};

// The value below which the share `quantile` of what was counted lies, in buckets of upper bound -> count up to it, by linear
// interpolation as Prometheus does it. Nothing if nothing was counted.
std::optional<double> quantileOf(const std::map<double, double>& buckets, double quantile);

}  // namespace fairway::servicegraph
