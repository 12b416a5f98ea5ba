#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/object.h"
#include "api/security.h"

// telemetry.istio.io Telemetry (v1, v1alpha1): what workloads tell about their requests, and to whom.
namespace fairway::api {

struct TelemetrySpec {
  // What a workload is sent (server), or what it sends (client).
  enum class Mode { client_and_server, client, server };
  // In the order of Istio's enumeration, behind ALL_METRICS.
  enum class Metric {
    request_count,
    request_duration,
    request_size,
    response_size,
    tcp_opened_connections,
    tcp_closed_connections,
    tcp_sent_bytes,
    tcp_received_bytes,
    grpc_request_messages,
    grpc_response_messages,
  };
  struct TagOverride {
    bool remove = false;
    std::string value;  // an expression of the Common Expression Language
    bool operator==(const TagOverride&) const = default;
  };
  struct MetricsOverride {
    std::optional<Metric> metric;  // unset: all
    Mode mode = Mode::client_and_server;
    std::optional<bool> disabled;
    std::map<std::string, TagOverride> tags;
    bool operator==(const MetricsOverride&) const = default;
  };
  struct Metrics {
    std::vector<std::string> providers;
    std::vector<MetricsOverride> overrides;
    std::optional<Duration> reportingInterval;
    bool operator==(const Metrics&) const = default;
  };
  struct AccessLogging {
    Mode mode = Mode::client_and_server;
    std::vector<std::string> providers;
    std::optional<bool> disabled;
    std::optional<std::string> filter;  // an expression of the Common Expression Language; empty: everything
    bool operator==(const AccessLogging&) const = default;
  };
  struct CustomTag {
    enum class Type { literal, environment, header, formatter };
    Type type = Type::literal;
    std::string value, fallback;  // the literal; the name of the variable or header; Envoy's command operators
    bool operator==(const CustomTag&) const = default;
  };
  struct Tracing {
    Mode mode = Mode::client_and_server;
    std::vector<std::string> providers;
    std::optional<double> sampling;  // randomSamplingPercentage
    std::optional<bool> disableSpanReporting;
    std::optional<std::map<std::string, CustomTag>> customTags;
    std::optional<bool> requestIdSampling;  // useRequestIdForTraceSampling
    std::optional<bool> istioTags;          // enableIstioTags
    bool operator==(const Tracing&) const = default;
  };
  Labels selector;
  std::vector<TargetRef> targetRefs;
  std::vector<Tracing> tracing;
  std::vector<Metrics> metrics;
  std::vector<AccessLogging> accessLogging;
  bool operator==(const TelemetrySpec&) const = default;
};
using Telemetry = Typed<TelemetrySpec, Kind::telemetry>;

}  // namespace fairway::api
