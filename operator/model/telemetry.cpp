#include "model/telemetry.h"

#include <algorithm>
#include <type_traits>

namespace fairway::model {

namespace {

struct Named {
  Metric metric;
  std::string_view name, prometheus;
};

constexpr std::array kNames{
    Named{Metric::request_count, "REQUEST_COUNT", "istio_requests_total"},
    Named{Metric::request_duration, "REQUEST_DURATION", "istio_request_duration_milliseconds"},
    Named{Metric::request_size, "REQUEST_SIZE", "istio_request_bytes"},
    Named{Metric::response_size, "RESPONSE_SIZE", "istio_response_bytes"},
    Named{Metric::tcp_opened_connections, "TCP_OPENED_CONNECTIONS", "istio_tcp_connections_opened_total"},
    Named{Metric::tcp_closed_connections, "TCP_CLOSED_CONNECTIONS", "istio_tcp_connections_closed_total"},
    Named{Metric::tcp_sent_bytes, "TCP_SENT_BYTES", "istio_tcp_sent_bytes_total"},
    Named{Metric::tcp_received_bytes, "TCP_RECEIVED_BYTES", "istio_tcp_received_bytes_total"},
    Named{Metric::grpc_request_messages, "GRPC_REQUEST_MESSAGES", "istio_request_messages_total"},
    Named{Metric::grpc_response_messages, "GRPC_RESPONSE_MESSAGES", "istio_response_messages_total"},
};
static_assert(kNames.size() == kAllMetrics.size());

const Named& named(Metric metric) {
  return *std::find_if(kNames.begin(), kNames.end(), [&](const Named& one) { return one.metric == metric; });
}

}  // namespace

std::string_view toString(Metric metric) { return named(metric).name; }
std::string_view prometheusName(Metric metric) { return named(metric).prometheus; }

bool Metrics::has(Metric metric) const {
  const auto change = changes.find(metric);
  return enabled && (change == changes.end() || !change->second.disabled);
}

const std::map<std::string, std::optional<std::string>>& Metrics::tags(Metric metric) const {
  static const std::map<std::string, std::optional<std::string>> none;
  const auto change = changes.find(metric);
  return change == changes.end() ? none : change->second.tags;
}

const TelemetryBackend* AccessLog::backend() const {
  return std::visit(
      [](const auto& log) -> const TelemetryBackend* {
        if constexpr (std::is_same_v<std::decay_t<decltype(log)>, FileLog>) {
          return nullptr;
        } else {
          return &log.backend;
        }
      },
      to);
}

const TelemetryBackend& Tracing::backend() const {
  return std::visit([](const auto& tracer) -> const TelemetryBackend& { return tracer.backend; }, to);
}

std::set<std::string> Telemetry::hosts(bool outbound, bool inbound) const {
  auto result = backends;
  const auto add = [&](const Side& side) {
    for (const auto& log : side.logs) {
      if (const auto* backend = log.backend()) result.insert(backend->host);
    }
    if (side.tracing) result.insert(side.tracing->backend().host);
  };
  if (outbound) add(client);
  if (inbound) add(server);
  return result;
}

}  // namespace fairway::model
