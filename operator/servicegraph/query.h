#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace fairway::servicegraph {

// A duration as Prometheus writes it: "5m", "1h30m", "1d"; units y, w, d, h, m, s, ms in this order, each at most once. Zero, and
// what does not fit into 100 years, is refused.
Result<std::chrono::milliseconds> parsePrometheusDuration(std::string_view text);

// What a caller of the old paths chooses. The durations' text is checked, and goes into the query.
struct ClassicOptions {
  std::string horizon = "5m";
  bool filterEmpty = false;
  // Label -> value it must have; labels are of kClassicLabels.
  std::map<std::string, std::string> matchers;
};
inline constexpr std::string_view kClassicLabels[] = {"destination_namespace", "destination_workload",
                                                      "source_namespace", "source_workload"};

// Of the parameters time_horizon, filter_empty and those of kClassicLabels; others are passed over. An empty one counts as
// not given. Failure: time_horizon is no duration.
Result<ClassicOptions> classicOptions(const std::map<std::string, std::string>& parameters);

// The two queries of the old paths: requests and received bytes a second by the workloads at both ends.
std::string classicRequests(const ClassicOptions& options);
std::string classicBytes(const ClassicOptions& options);

// Those of our own page, over the last `window` (a Prometheus duration).
std::string requestsQuery(std::string_view window);
std::string errorsQuery(std::string_view window);
std::string latencyQuery(std::string_view window, std::string_view quantile);
inline constexpr std::string_view kTcpMetrics[] = {"istio_tcp_sent_bytes_total", "istio_tcp_received_bytes_total"};
std::string tcpQuery(std::string_view window, std::string_view metric);

// As a string of PromQL, with its quotes.
std::string promQuoted(std::string_view text);
std::string percentEncoded(std::string_view text);

}  // namespace fairway::servicegraph
