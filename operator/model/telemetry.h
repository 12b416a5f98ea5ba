#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/common.h"

// What a workload tells about its requests and connections, and to whom: Telemetry objects and the mesh's settings, merged.
namespace fairway::model {

// A service of the registry that takes telemetry; that it has the port is sure. Its cluster is `outbound|<port>||<host>`.
struct TelemetryBackend {
  std::string host;
  std::uint32_t port = 0;
  auto operator<=>(const TelemetryBackend&) const = default;
};

// --- metrics -------------------------------------------------------------------------------------

enum class Metric {
  request_count,           // istio_requests_total
  request_duration,        // istio_request_duration_milliseconds
  request_size,            // istio_request_bytes
  response_size,           // istio_response_bytes
  tcp_opened_connections,  // istio_tcp_connections_opened_total
  tcp_closed_connections,  // istio_tcp_connections_closed_total
  tcp_sent_bytes,          // istio_tcp_sent_bytes_total
  tcp_received_bytes,      // istio_tcp_received_bytes_total
  grpc_request_messages,   // istio_request_messages_total
  grpc_response_messages,  // istio_response_messages_total
};
inline constexpr std::array kAllMetrics{
    Metric::request_count,          Metric::request_duration,       Metric::request_size,   Metric::response_size,
    Metric::tcp_opened_connections, Metric::tcp_closed_connections, Metric::tcp_sent_bytes, Metric::tcp_received_bytes,
    Metric::grpc_request_messages,  Metric::grpc_response_messages};

// "REQUEST_COUNT" ..., as Telemetry objects name it.
std::string_view toString(Metric metric);
// "istio_requests_total" ..., as Prometheus shows it.
std::string_view prometheusName(Metric metric);

// What is different from the standard labels and metrics of one metric.
struct MetricChange {
  bool disabled = false;
  // Labels by name. A value is an expression of the Common Expression Language that Envoy takes, without '%' and line ends; without
  // a value the label is left out.
  std::map<std::string, std::optional<std::string>> tags;
  bool operator==(const MetricChange&) const = default;
};

struct Metrics {
  bool enabled = true;                                  // false: none at all
  std::map<Metric, MetricChange> changes;               // only those with a change
  Duration reportingInterval{std::chrono::seconds(5)};  // how often connections that stay open are counted
  bool operator==(const Metrics&) const = default;

  [[nodiscard]] bool has(Metric metric) const;
  // Its tags; of those without a change an empty map.
  [[nodiscard]] const std::map<std::string, std::optional<std::string>>& tags(Metric metric) const;
};

// --- access logs ---------------------------------------------------------------------------------

// Envoy's command operators. Both empty: our own format.
struct LogFormat {
  std::string text;  // of a line, with its end; of OpenTelemetry the record's body
  std::string
      json;  // an object as JSON text, whose values are formats; of OpenTelemetry and Fluentd the record's attributes
  bool operator==(const LogFormat&) const = default;
};

struct FileLog {
  std::string path;  // in the proxy: "/dev/stdout"
  LogFormat format;
  bool json = false;             // decides where the format is empty
  bool omitEmptyValues = false;  // of JSON logs
  bool operator==(const FileLog&) const = default;
};

// OTLP over gRPC.
struct OtelLog {
  TelemetryBackend backend;
  std::string logName;
  LogFormat format;
  bool operator==(const OtelLog&) const = default;
};

// Envoy's access log service (gRPC).
struct GrpcLog {
  TelemetryBackend backend;
  std::string logName;
  bool http = true;  // requests; false: connections
  std::vector<std::string> filterState, requestHeaders, responseHeaders, responseTrailers;
  bool operator==(const GrpcLog&) const = default;
};

// Fluentd's forward protocol over TCP.
struct FluentdLog {
  TelemetryBackend backend;
  std::string tag;
  LogFormat format;
  unsigned relay = 1;  // by which proxies reach it (base/fluentd_relays.h): the same for all logs to one backend
  bool operator==(const FluentdLog&) const = default;
};

struct AccessLog {
  std::string provider;  // its name among the mesh's extensionProviders
  std::variant<FileLog, OtelLog, GrpcLog, FluentdLog> to;
  // Only what this expression of the Common Expression Language is true of is logged (Envoy takes it); empty: everything.
  std::string filter;
  bool operator==(const AccessLog&) const = default;

  // Where it goes; nothing: to a file.
  [[nodiscard]] const TelemetryBackend* backend() const;
};

// --- traces --------------------------------------------------------------------------------------

struct ZipkinTracer {
  TelemetryBackend backend;
  std::string path = "/api/v2/spans";
  bool traceId128 = true;  // trace ids of 128 bits; enable64bitTraceId asks for 64
  // Which headers carry the context.
  enum class Context { b3, b3_and_w3c };
  Context context = Context::b3;
  std::optional<Duration> timeout;
  std::vector<std::pair<std::string, std::string>> headers;  // that are sent along
  bool operator==(const ZipkinTracer&) const = default;
};

struct OpenTelemetryTracer {
  TelemetryBackend backend;
  bool http = false;  // OTLP over HTTP, else gRPC
  std::string path;   // http only: "/v1/traces"
  std::optional<Duration> timeout;
  std::vector<std::pair<std::string, std::string>> headers;  // that are sent along
  bool environmentDetector = false;  // resource attributes from the proxy's OTEL_RESOURCE_ATTRIBUTES
  std::string serviceName;           // empty: the workload's
  bool operator==(const OpenTelemetryTracer&) const = default;
};

struct CustomTag {
  enum class Type { literal, environment, header, formatter };
  Type type = Type::literal;
  std::string value;     // the literal; the name of the variable or header; Envoy's command operators
  std::string fallback;  // without the variable or header; empty: the tag is left out
  bool operator==(const CustomTag&) const = default;
};

struct Tracing {
  std::string provider;
  std::variant<ZipkinTracer, OpenTelemetryTracer> to;
  double sampling = 1;  // percent of requests about which no one before has decided, 0 to 100 in steps of 0.01
  bool report = true;   // false: no spans; headers of the context are passed on and sampled all the same
  std::map<std::string, CustomTag> tags;
  bool istioTags = true;             // istio.mesh_id, istio.canonical_service ...
  bool requestIdSampling = true;     // x-request-id takes part in the decision
  std::uint32_t maxTagLength = 256;  // of the tag with the path
  bool operator==(const Tracing&) const = default;

  [[nodiscard]] const TelemetryBackend& backend() const;
};

// -------------------------------------------------------------------------------------------------

struct Telemetry {
  // Of what a workload sends (client), and of what it is sent (server). Gateways are clients.
  struct Side {
    Metrics metrics;
    std::vector<AccessLog> logs;     // sorted by provider
    std::optional<Tracing> tracing;  // nothing: no tracing, the context's headers are not touched
    bool operator==(const Side&) const = default;
  };
  Side client, server;
  // Hosts of all providers of the mesh, whether they are used here or not: Envoy refuses a listener whose tracer has a cluster
  // that it does not know yet, so the clusters have to be there before an object asks for one.
  std::set<std::string> backends;
  std::vector<Provenance> provenance;  // the Telemetry objects that count here, the mesh's first
  bool operator==(const Telemetry&) const = default;

  // Hosts that a proxy needs clusters of, whatever it may see else.
  [[nodiscard]] std::set<std::string> hosts(bool outbound, bool inbound) const;
};

}  // namespace fairway::model
