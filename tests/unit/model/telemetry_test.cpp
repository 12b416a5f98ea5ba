#include "model/telemetry.h"

#include <set>

#include <catch2/catch.hpp>

using namespace fairway::model;

TEST_CASE("each metric has names of its own") {
  std::set<std::string_view> names, shown;
  for (const auto metric : kAllMetrics) {
    names.insert(toString(metric));
    shown.insert(prometheusName(metric));
  }
  CHECK(names.size() == kAllMetrics.size());
  CHECK(shown.size() == kAllMetrics.size());
  CHECK(toString(Metric::grpc_response_messages) == "GRPC_RESPONSE_MESSAGES");
  CHECK(prometheusName(Metric::request_size) == "istio_request_bytes");
}

TEST_CASE("a metric is there unless it, or all are switched off") {
  Metrics metrics;
  CHECK(metrics.has(Metric::request_count));
  CHECK(metrics.tags(Metric::request_count).empty());
  metrics.changes[Metric::request_count] = {true, {}};
  metrics.changes[Metric::request_size] = {false, {{"a", "b"}}};
  CHECK_FALSE(metrics.has(Metric::request_count));
  CHECK(metrics.has(Metric::request_size));
  CHECK(metrics.tags(Metric::request_size).size() == 1);
  metrics.enabled = false;
  CHECK_FALSE(metrics.has(Metric::request_size));
}

TEST_CASE("the hosts that a side tells something") {
  Telemetry telemetry;
  telemetry.client.logs = {{"envoy", FileLog{}, {}}, {"otel", OtelLog{{"otel", 4317}, {}, {}}, {}}};
  telemetry.server.logs = {{"fluentd", FluentdLog{{"fluentd", 24224}, {}, {}}, {}}};
  Tracing tracing;
  tracing.to = OpenTelemetryTracer{{"collector", 4317}};
  telemetry.server.tracing = tracing;
  CHECK(telemetry.client.logs[0].backend() == nullptr);
  CHECK(telemetry.client.logs[1].backend()->port == 4317);
  CHECK(tracing.backend().host == "collector");
  CHECK(telemetry.hosts(true, false) == std::set<std::string>{"otel"});
  CHECK(telemetry.hosts(false, true) == std::set<std::string>{"collector", "fluentd"});
  CHECK(telemetry.hosts(true, true).size() == 3);
}
