#include "translate/metrics.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <envoy/config/accesslog/v3/accesslog.pb.h>
#include <envoy/extensions/access_loggers/filters/cel/v3/cel.pb.h>
#include <envoy/extensions/access_loggers/grpc/v3/als.pb.h>
#include <envoy/extensions/access_loggers/stats/v3/stats.pb.h>
#include <envoy/extensions/filters/http/grpc_stats/v3/config.pb.h>
#include <envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.pb.h>
#include <envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy.pb.h>

#include "base/metric_tags.h"
#include "base/strings.h"
#include "translate/any.h"
#include "translate/names.h"
#include "translate/wire.h"

namespace fairway::translate {

namespace loggers = envoy::extensions::access_loggers;
namespace tags = metric_tags;
using envoy::config::accesslog::v3::AccessLog;
using envoy::config::accesslog::v3::AccessLogFilter;
using envoy::extensions::filters::network::http_connection_manager::v3::HttpConnectionManager;
using envoy::extensions::filters::network::tcp_proxy::v3::TcpProxy;
using loggers::stats::v3::Config;
using model::Metric;

namespace {

// What one proxy keeps at most, of all its listeners together: a label with thousands of values must not take its memory.
constexpr std::uint32_t kMaxCounters = 10'000, kMaxHistograms = 6'000;
constexpr std::string_view kAgentLog = "istio";
constexpr std::string_view kGrpc = "application/grpc";
// The messages of each way, as grpc_stats says it: what a unary call that went well has.
constexpr std::string_view kUnary = "filter_state['envoy.filters.http.grpc_stats'] == b'1,1'";
constexpr std::string_view kNotUnary = "filter_state['envoy.filters.http.grpc_stats'] != b'1,1'";
constexpr std::string_view kMessages = "%FILTER_STATE(envoy.filters.http.grpc_stats:PLAIN)%";

using Tags = std::vector<std::pair<std::string, std::string>>;  // with the formats of their values

std::string metadata(std::string_view of, std::string_view name) {
  return "%" + std::string(of) + "_METADATA(" + std::string(tags::kMetadata) + ":" + std::string(name) + ")%";
}

std::string_view nameOf(MetricsSide side) {
  switch (side) {
    case MetricsSide::client: return tags::kClient;
    case MetricsSide::server: return tags::kServer;
    case MetricsSide::server_mtls: return tags::kServerMtls;
  }
  return tags::kServer;
}

// Who is who: the same for requests and connections, but for what says the cluster.
Tags tagsOf(MetricsSide side, std::string cluster = "%UPSTREAM_CLUSTER%") {
  Tags out;
  const auto add = [&](std::string_view name, std::string format) { out.emplace_back(name, std::move(format)); };
  add(tags::kSide, std::string(nameOf(side)));
  if (side == MetricsSide::client) {
    add(tags::kPeer, "%UPSTREAM_PEER_SUBJECT%");
    add(tags::kPeerId, "%UPSTREAM_PEER_URI_SAN%");
    add(tags::kEndpoint, metadata("UPSTREAM", tags::kMetadataWorkload));
  } else if (side == MetricsSide::server_mtls) {
    add(tags::kPeer, "%DOWNSTREAM_PEER_SUBJECT%");
    add(tags::kPeerId, "%DOWNSTREAM_PEER_URI_SAN%");
  }
  add(tags::kCluster, std::move(cluster));
  add(tags::kService, metadata("CLUSTER", tags::kMetadataService));
  add(tags::kResponseFlags, "%RESPONSE_FLAGS%");
  return out;
}

Tags httpTagsOf(MetricsSide side) {
  // A route that lets nothing out has no cluster, but says the name of the one that connections would get.
  auto out = side == MetricsSide::client
                 ? tagsOf(side, "%UPSTREAM_CLUSTER%%METADATA(ROUTE:" + std::string(tags::kMetadata) + ":" +
                                    std::string(tags::kMetadataCluster) + ")%")
                 : tagsOf(side);
  out.emplace_back(tags::kResponseCode, "%RESPONSE_CODE%");
  out.emplace_back(tags::kGrpcStatus, "%GRPC_STATUS_NUMBER%");
  return out;
}

// Envoy writes a value of any type as text, and has no string() where it makes tags: Istio's users write "string(destination.port)".
std::string_view withoutString(std::string_view expression) {
  constexpr std::string_view kCall = "string(";
  const auto inner = trim(expression);
  if (!inner.starts_with(kCall) || !inner.ends_with(')')) return expression;
  int depth = 0;
  char quote = 0;
  for (std::size_t i = kCall.size(); i < inner.size(); ++i) {
    const char c = inner[i];
    if (quote != 0) {
      if (c == '\\') ++i;
      if (c == quote) quote = 0;
    } else if (c == '\'' || c == '"') {
      quote = c;
    } else if (c == '(') {
      ++depth;
    } else if (c == ')' && --depth < 0) {
      return i + 1 == inner.size() ? inner.substr(kCall.size(), i - kCall.size()) : expression;
    }
  }
  return expression;
}

// As Prometheus has it: "request.host" is request_host.
std::string labelName(std::string name) {
  for (auto& c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter) c = '_';
  }
  return name;
}

// What a Telemetry changes about the labels of one metric; each name behind `prefix`.
void addChanges(Tags& out, const model::Metrics& metrics, Metric metric, const std::string& prefix) {
  std::string without;
  for (const auto& [name, expression] : metrics.tags(metric)) {
    const auto label = labelName(name);
    if (expression) {
      out.emplace_back(prefix + std::string(tags::kSet) + label,
                       "%CEL(" + std::string(withoutString(*expression)) + ")%");
    } else {
      without += (without.empty() ? "" : ",") + label;
    }
  }
  if (!without.empty()) out.emplace_back(prefix + std::string(tags::kWithout), without);
}

void setStat(Config::Stat& stat, Metric metric, const model::Metrics& metrics, Tags all) {
  constexpr std::string_view kPrefix = "istio_";
  stat.set_name(std::string(model::prometheusName(metric).substr(kPrefix.size())));
  addChanges(all, metrics, metric, {});
  for (auto& [name, format] : all) {
    auto& tag = *stat.add_tags();
    tag.set_name(std::move(name));
    tag.set_value_format(std::move(format));
  }
}

Config statsConfig() {
  Config config;
  auto& scope = *config.mutable_stats_scope();
  scope.set_prefix(std::string(tags::kScope));
  scope.set_sharing_name(std::string(tags::kScope));
  scope.mutable_max_counters()->set_value(kMaxCounters);
  scope.mutable_max_histograms()->set_value(kMaxHistograms);
  return config;
}

void addCounter(Config& config, Metric metric, const model::Metrics& metrics, const Tags& all) {
  if (!metrics.has(metric)) return;
  auto& counter = *config.add_counters();
  setStat(*counter.mutable_stat(), metric, metrics, all);
  counter.mutable_value_fixed()->set_value(1);
}

void addHistogram(Config& config, Metric metric, Config::Histogram::Unit unit, const char* value,
                  const model::Metrics& metrics, const Tags& all) {
  if (!metrics.has(metric)) return;
  auto& histogram = *config.add_histograms();
  setStat(*histogram.mutable_stat(), metric, metrics, all);
  histogram.set_unit(unit);
  histogram.set_value_format(value);
}

AccessLog statsLog(const Config& config) {
  AccessLog log;
  log.set_name("envoy.access_loggers.stats");
  packAny(config, *log.mutable_typed_config());
  return log;
}

// A gRPC call, with these messages.
void setCalls(AccessLogFilter& out, std::string_view expression) {
  auto& both = *out.mutable_and_filter();
  auto& header = *both.add_filters()->mutable_header_filter()->mutable_header();
  header.set_name("content-type");
  header.mutable_string_match()->set_prefix(std::string(kGrpc));
  loggers::filters::cel::v3::ExpressionFilter messages;
  messages.set_expression(std::string(expression));
  auto& extension = *both.add_filters()->mutable_extension_filter();
  extension.set_name("envoy.access_loggers.extension_filters.cel");
  packAny(messages, *extension.mutable_typed_config());
}

// Equal ones share a stream to the agent, so nothing in it is of one listener alone.
template <class LogConfig>
void packAgentLog(AccessLog& out, const char* name, const Tags& all) {
  LogConfig config;
  auto& common = *config.mutable_common_config();
  common.set_log_name(std::string(kAgentLog));
  common.set_transport_api_version(envoy::config::core::v3::V3);
  common.mutable_grpc_service()->mutable_envoy_grpc()->set_cluster_name(std::string(kSdsCluster));
  for (const auto& [name, format] : all) {
    auto& tag = *common.add_custom_tags();
    tag.set_tag(name);
    tag.set_value(format);
  }
  out.set_name(name);
  packAny(config, *out.mutable_typed_config());
}

struct LetteredMetric {
  Metric metric;
  char letter;
};
constexpr std::array kTcpMetrics{LetteredMetric{Metric::tcp_opened_connections, tags::kOpened},
                                 LetteredMetric{Metric::tcp_closed_connections, tags::kClosed},
                                 LetteredMetric{Metric::tcp_sent_bytes, tags::kSent},
                                 LetteredMetric{Metric::tcp_received_bytes, tags::kReceived}};
constexpr std::array kMessageMetrics{LetteredMetric{Metric::grpc_response_messages, tags::kSent},
                                     LetteredMetric{Metric::grpc_request_messages, tags::kReceived}};

// Appends what the agent has to know of several metrics; false if none of them is wanted.
template <std::size_t count>
bool addLettered(Tags& out, const model::Metrics& metrics, const std::array<LetteredMetric, count>& several) {
  std::string wanted;
  for (const auto& [metric, letter] : several) {
    if (metrics.has(metric)) wanted += letter;
  }
  if (wanted.empty()) return false;
  if (wanted.size() != count) out.emplace_back(tags::kMetrics, wanted);
  const auto& first = metrics.tags(several.front().metric);
  const bool same =
      std::all_of(several.begin(), several.end(), [&](const auto& one) { return metrics.tags(one.metric) == first; });
  if (same) {
    addChanges(out, metrics, several.front().metric, {});
  } else {
    for (const auto& [metric, letter] : several) addChanges(out, metrics, metric, std::string(1, letter) + "/");
  }
  return true;
}

bool countsMessages(const model::Metrics& metrics) {
  return metrics.enabled && std::any_of(kMessageMetrics.begin(), kMessageMetrics.end(),
                                        [&](const auto& one) { return metrics.has(one.metric); });
}

std::vector<AccessLog> httpLogs(const model::Metrics& metrics, MetricsSide side) {
  std::vector<AccessLog> logs;
  if (!metrics.enabled) return logs;
  const auto all = httpTagsOf(side);
  auto config = statsConfig();
  addCounter(config, Metric::request_count, metrics, all);
  addHistogram(config, Metric::request_duration, Config::Histogram::Milliseconds, "%DURATION%", metrics, all);
  addHistogram(config, Metric::request_size, Config::Histogram::Bytes, "%BYTES_RECEIVED%", metrics, all);
  addHistogram(config, Metric::response_size, Config::Histogram::Bytes, "%BYTES_SENT%", metrics, all);
  if (!config.counters().empty() || !config.histograms().empty()) logs.push_back(statsLog(config));
  if (!countsMessages(metrics)) return logs;
  auto unary = statsConfig();
  addCounter(unary, Metric::grpc_request_messages, metrics, all);
  addCounter(unary, Metric::grpc_response_messages, metrics, all);
  setCalls(*logs.emplace_back(statsLog(unary)).mutable_filter(), kUnary);
  auto more = all;
  more.emplace_back(tags::kMessages, kMessages);
  addLettered(more, metrics, kMessageMetrics);
  auto& others = logs.emplace_back();
  packAgentLog<loggers::grpc::v3::HttpGrpcAccessLogConfig>(others, "envoy.access_loggers.http_grpc", more);
  setCalls(*others.mutable_filter(), kNotUnary);
  return logs;
}

std::vector<AccessLog> tcpLogs(const model::Metrics& metrics, MetricsSide side) {
  std::vector<AccessLog> logs;
  if (!metrics.enabled) return logs;
  auto all = tagsOf(side);
  if (!addLettered(all, metrics, kTcpMetrics)) return logs;
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(metrics.reportingInterval).count();
  all.emplace_back(tags::kInterval, std::to_string(seconds));
  packAgentLog<loggers::grpc::v3::TcpGrpcAccessLogConfig>(logs.emplace_back(), "envoy.access_loggers.tcp_grpc", all);
  return logs;
}

// Envoy has one rhythm for all logs of a connection: others go on telling of its end alone.
void logEndsAlone(AccessLog& log) {
  AccessLogFilter filter;
  auto& types = *filter.mutable_log_type_filter();
  types.set_exclude(true);
  types.add_types(envoy::data::accesslog::v3::TcpUpstreamConnected);
  types.add_types(envoy::data::accesslog::v3::TcpPeriodic);
  if (log.has_filter()) {
    AccessLogFilter both;
    *both.mutable_and_filter()->add_filters() = std::move(filter);
    *both.mutable_and_filter()->add_filters() = std::move(*log.mutable_filter());
    filter = std::move(both);
  }
  *log.mutable_filter() = std::move(filter);
}

}  // namespace

void addHttpMetrics(HttpConnectionManager& out, const model::Metrics& metrics, MetricsSide side) {
  for (auto& log : httpLogs(metrics, side)) *out.add_access_log() = std::move(log);
}

void addMessageCounts(HttpConnectionManager& out, const model::Metrics& metrics) {
  if (!countsMessages(metrics)) return;
  static const auto filter = [] {
    envoy::extensions::filters::http::grpc_stats::v3::FilterConfig config;
    config.set_emit_filter_state(true);
    config.mutable_stats_for_all_methods()->set_value(false);  // names of methods are a client's text
    envoy::extensions::filters::network::http_connection_manager::v3::HttpFilter result;
    setFilter(result, "envoy.filters.http.grpc_stats", config);
    return result;
  }();
  *out.add_http_filters() = filter;
}

void addTcpMetrics(TcpProxy& out, const model::Metrics& metrics, MetricsSide side) {
  auto logs = tcpLogs(metrics, side);
  if (logs.empty()) return;
  for (auto& log : *out.mutable_access_log()) logEndsAlone(log);
  auto& options = *out.mutable_access_log_options();
  options.set_flush_access_log_on_connected(true);
  setDuration(*options.mutable_access_log_flush_interval(), metrics.reportingInterval);
  for (auto& log : logs) *out.add_access_log() = std::move(log);
}

}  // namespace fairway::translate
