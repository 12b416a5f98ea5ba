#include "servicegraph/agent_metrics.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "servicegraph/exposition.h"

namespace fairway::servicegraph {

namespace {

constexpr std::size_t kMostAgents = 1'000, kMostSeries = 10'000;

constexpr std::array<std::string_view, 11> kKept{"reporter",
                                                 "source_canonical_service",
                                                 "source_workload",
                                                 "source_workload_namespace",
                                                 "destination_canonical_service",
                                                 "destination_workload",
                                                 "destination_workload_namespace",
                                                 "destination_service_name",
                                                 "destination_service_namespace",
                                                 "request_protocol",
                                                 "connection_security_policy"};

Labels reduced(const Sample& sample) {
  Labels labels;
  for (const auto name : kKept) {
    if (const auto& value = sample.label(name); !value.empty()) labels.emplace(name, value);
  }
  return labels;
}

// As errorsQuery() has it.
bool failed(const Sample& sample) {
  const auto& code = sample.label("response_code");
  if (code == "0" || (code.size() == 3 && code[0] == '5')) return true;
  if (sample.label("request_protocol") != "grpc") return false;
  static constexpr std::array<std::string_view, 7> kServer{"2", "4", "8", "12", "13", "14", "15"};
  return std::find(kServer.begin(), kServer.end(), sample.label("grpc_response_status")) != kServer.end();
}

std::optional<double> boundOf(const Sample& sample) {
  const auto& text = sample.label("le");
  if (text == "+Inf") return std::numeric_limits<double>::infinity();
  double bound = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bound);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bound;
}

}  // namespace

AgentMetrics::Counts& AgentMetrics::Counts::operator+=(const Counts& other) {
  requests += other.requests;
  errors += other.errors;
  bytes += other.bytes;
  for (const auto& [bound, count] : other.buckets) buckets[bound] += count;
  return *this;
}

void AgentMetrics::observe(const std::string& address, std::string_view page, Time now) {
  const bool first = !agents_.contains(address);
  if (first && agents_.size() >= kMostAgents) return;
  auto& agent = agents_[address];
  std::map<Labels, Counts> grown;
  std::unordered_map<std::string, double> values;
  forEachMetric(page, "istio_", [&](MetricLine line) {
    const bool requests = line.name == "istio_requests_total";
    const bool buckets = line.name == "istio_request_duration_milliseconds_bucket";
    const bool bytes = line.name == "istio_tcp_sent_bytes_total" || line.name == "istio_tcp_received_bytes_total";
    if (!(requests || buckets || bytes) || values.size() >= kMostSeries || !std::isfinite(line.sample.value)) return;
    const auto before = agent.values.find(line.series);
    double growth = line.sample.value;
    // A counter that is less than it was began anew.
    if (before != agent.values.end() && before->second <= growth) growth -= before->second;
    values.insert_or_assign(line.series, line.sample.value);
    if (first || growth <= 0) return;
    auto& counts = grown[reduced(line.sample)];
    if (requests) {
      counts.requests += growth;
      if (failed(line.sample)) counts.errors += growth;
    } else if (bytes) {
      counts.bytes += growth;
    } else if (const auto bound = boundOf(line.sample)) {
      counts.buckets[*bound] += growth;
    }
  });
  agent.values = std::move(values);
  if (!since_) since_ = now;
  for (const auto& [labels, counts] : grown) window_.add(labels, counts, now);
}

void AgentMetrics::addTo(GraphBuilder& builder, std::chrono::seconds window, Time now) const {
  if (!since_) return;
  const double observed = std::chrono::duration<double>(now - *since_).count();
  const double seconds = std::clamp(observed, 1.0, static_cast<double>(window.count()));
  for (const auto& [labels, counts] : window_.sum(window, now)) {
    Sample sample{labels, counts.requests / seconds};
    if (counts.requests > 0) {
      builder.requests(sample);
      sample.value = counts.errors / seconds;
      builder.errors(sample);
    }
    static constexpr std::array<double, 3> kQuantiles{0.5, 0.95, 0.99};
    for (std::size_t i = 0; i < kQuantiles.size(); ++i) {
      if (const auto value = quantileOf(counts.buckets, kQuantiles[i])) builder.latency({labels, *value}, i);
    }
    if (counts.bytes > 0) builder.tcpBytes({labels, counts.bytes / seconds});
  }
}

std::optional<double> quantileOf(const std::map<double, double>& buckets, double quantile) {
  if (buckets.empty() || buckets.rbegin()->second <= 0) return std::nullopt;
  const double rank = quantile * buckets.rbegin()->second;
  double below = 0, lower = 0;
  for (const auto& [bound, count] : buckets) {
    if (count >= rank) {
      if (std::isinf(bound)) return lower;  // beyond the last bound that is a number
      return count <= below ? bound : lower + (bound - lower) * std::max(0.0, rank - below) / (count - below);
    }
    below = count;
    lower = bound;
  }
  return lower;
}

}  // namespace fairway::servicegraph
