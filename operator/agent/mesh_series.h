#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "agent/mesh_labels.h"

namespace fairway::agent {

// The sums of one of Istio's metrics, by labels. What they are of comes and goes: Envoy drops a counter with the listener that
// had it, and begins anew when it is started again. The sums never fall for that, which Prometheus would take for a restart of
// all of them: each grows by what its counters of Envoy have grown since the last page. Not thread-safe.
//
// There is a limited number of label sets; what is over it is added up in sets whose labels are "other". A set keeps its
// place as long as Envoy has a counter of it, and then for kKept after it last grew.
class MeshSeries {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::hours kKept{1};

  // Type: "counter" or "histogram".
  MeshSeries(std::string name, std::string type, std::size_t limit);

  [[nodiscard]] const std::string& type() const { return type_; }
  [[nodiscard]] bool empty() const { return sets_.empty() && sources_.empty(); }
  // Label sets over the limit.
  [[nodiscard]] std::uint64_t over() const { return others_ + refused_.size(); }

  // A sample of Envoy's page, its name without "envoy_"; false: it is not of this metric. The page must stay until finish().
  bool take(const Sample& sample);
  // The page is at its end. What was taken of it is added to the sums if the page `counts`.
  void finish(const OwnLabels& own, bool counts, Clock::time_point now);
  // Envoy is gone, and with it its counters.
  void envoyEnded(Clock::time_point now);

  // Adds to a counter of the agent's own; to the labels `other` if there is no place for the labels.
  void add(std::string labels, const MeshTags& tags, MeshProtocol protocol, double value, Clock::time_point now);

  // Drops the sets whose time is over; their places are free then.
  void forget(Clock::time_point now);

  // All samples, and behind them those of others that stood under its name in the page, which is over with that.
  void append(std::string& page);

 private:
  struct Values {
    double value = 0;  // of a counter; the sum of a histogram
    double count = 0;
    std::vector<double> buckets;  // in the order of bounds_
  };
  struct Set {
    Values sums;
    std::size_t sources = 0;
    Clock::time_point used;
    bool other = false;
  };
  // A counter of Envoy's.
  struct Source {
    Values last;
    Set* set = nullptr;
    std::uint64_t page = 0;  // the last that had it
  };
  // What a page says of one.
  struct Reading {
    std::string_view labels;
    std::uint64_t hash = 0;
    bool ours = false;
    Values values;
    std::size_t next = 0;  // where the next bucket is expected
  };

  [[nodiscard]] bool isHistogram() const { return type_ == "histogram"; }
  [[nodiscard]] bool hasRoom() const { return places_ < limit_; }
  Reading& readingOf(std::string_view labels);
  void addBucket(Reading& reading, std::string_view le, double value);
  Set* place(std::string labels, Clock::time_point now);
  Set& placeOther(const MeshTags& tags, MeshProtocol protocol);
  void place(Source& source, const OwnLabels& own, std::string_view labels, Clock::time_point now);
  void grow(Values& sums, Values& last, Values now) const;
  void dropSources(std::uint64_t before, Clock::time_point now);

  const std::string name_, type_;
  const std::size_t limit_;
  std::vector<std::string> bounds_;  // of buckets, as in `le="..."`
  std::map<std::string, Set> sets_;  // by labels
  std::unordered_map<std::uint64_t, Source>
      sources_;                    // by a hash of Envoy's labels; those of the last page that counted
  std::set<std::string> refused_;  // labels of the agent's own that had no place; bounded as well
  std::size_t places_ = 0;         // sets that are not "other"
  std::uint64_t others_ = 0;       // sources that are
  std::uint64_t page_ = 0;

  // Of the page that is being taken.
  std::vector<Reading> readings_;
  std::unordered_map<std::string_view, std::size_t> byLabels_;
  std::string foreign_;
};

}  // namespace fairway::agent
