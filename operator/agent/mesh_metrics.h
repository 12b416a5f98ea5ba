#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "agent/mesh_labels.h"
#include "agent/mesh_series.h"

namespace fairway::agent {

// Istio's metrics of one proxy. Those of requests are Envoy's counters and histograms, whose tags become labels at each scrape;
// samples that come out with the same labels are added up. Those that Envoy cannot count (bytes of connections that are open,
// messages of gRPC streams) are kept here. No sum falls while the agent runs: see MeshSeries. Thread-safe.
class MeshMetrics {
 public:
  using Clock = MeshSeries::Clock;
  static constexpr std::size_t kDefaultLimit = 2000;  // label sets of each metric
  explicit MeshMetrics(OwnLabels own, std::size_t limit = kDefaultLimit,
                       std::function<Clock::time_point()> now = Clock::now);

  [[nodiscard]] const OwnLabels& own() const { return own_; }

  // Adds to a counter such as "istio_tcp_sent_bytes_total".
  void count(std::string_view metric, const MeshTags& tags, MeshProtocol protocol, double value);

  // To be taken before Envoy is asked for its page, and given to append() with it.
  [[nodiscard]] std::uint64_t turn() const;
  // Envoy's page and the counters, appended to `page`. What others keep under `envoy_istio_` without our tags is renamed
  // alone; everything else stays as it is. A page that is empty (there was none) or was asked for before the last one came,
  // or before Envoy ended, adds nothing to the sums: it may be older than what they have.
  void append(std::string& page, std::string_view envoy, std::uint64_t turn);
  // Its counters begin anew.
  void envoyEnded();

  // Label sets of each metric that were over its limit at the last append().
  [[nodiscard]] std::map<std::string, std::uint64_t> overLimit() const;

 private:
  MeshSeries& seriesOf(std::string_view name, std::string_view type);

  const OwnLabels own_;
  const std::size_t limit_;
  const std::function<Clock::time_point()> now_;
  mutable std::mutex mutex_;
  std::map<std::string, MeshSeries, std::less<>> series_;  // by metric; guarded by mutex_
  std::uint64_t turn_ = 0;                                 // guarded by mutex_
};

}  // namespace fairway::agent
