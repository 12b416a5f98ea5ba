#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>

#include "agent/mesh_labels.h"

namespace fairway::agent {

// Istio's metrics of one proxy. Those of requests are Envoy's counters and histograms, whose tags become labels at each scrape;
// samples that come out with the same labels are added up. Those that Envoy cannot count (bytes of connections that are open,
// messages of gRPC streams) are kept here. Thread-safe.
//
// Each metric has a limited number of label sets; those over it are added up in one whose labels are "other". A set that has its
// place keeps it as long as Envoy has it, so that a counter never jumps.
class MeshMetrics {
 public:
  static constexpr std::size_t kDefaultLimit = 2000;
  explicit MeshMetrics(OwnLabels own, std::size_t limit = kDefaultLimit);

  [[nodiscard]] const OwnLabels& own() const { return own_; }

  // Adds to a counter such as "istio_tcp_sent_bytes_total".
  void count(std::string_view metric, const MeshTags& tags, MeshProtocol protocol, double value);

  // Envoy's page and the counters, appended to `page`. What others keep under `envoy_istio_` without our tags is renamed
  // alone; everything else stays as it is.
  void append(std::string& page, std::string_view envoy);

  // Label sets of each metric that were over its limit at the last append().
  [[nodiscard]] std::map<std::string, std::uint64_t> overLimit() const;

 private:
  class Family;
  struct Counter {
    std::map<std::string, double> values;  // by labels
    std::set<std::string> over;            // labels over the limit; bounded as well
    std::uint64_t denied = 0;
  };
  void appendFamily(std::string& page, const Family& family);

  const OwnLabels own_;
  const std::size_t limit_;
  mutable std::mutex mutex_;
  // All below is guarded by mutex_.
  std::map<std::string, Counter, std::less<>> counters_;                   // by metric
  std::map<std::string, std::unordered_set<std::uint64_t>> admitted_;      // label sets of Envoy's metrics, hashed
  std::map<std::string, std::uint64_t> over_;
};

}  // namespace fairway::agent
