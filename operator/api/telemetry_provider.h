#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/networking.h"

// Who takes metrics, logs and traces: kinds of the mesh's `extensionProviders`.
namespace fairway::api {

struct TelemetryProvider {
  struct Backend {
    std::string service;  // "name.namespace.svc.cluster.local", or "namespace/host"
    std::uint32_t port = 0;
    bool operator==(const Backend&) const = default;
  };
  // logFormat, of Envoy's command operators.
  struct LogFormat {
    std::string text;
    std::optional<std::string> labels;  // an object as JSON text; "{}": the usual ones
    bool operator==(const LogFormat&) const = default;
  };
  struct FileLog {
    std::string path = "/dev/stdout";
    LogFormat format;
    bool omitEmptyValues = false;
    bool operator==(const FileLog&) const = default;
  };
  struct OtelLog {
    Backend backend;
    std::string logName;
    LogFormat format;
    bool operator==(const OtelLog&) const = default;
  };
  struct GrpcLog {
    Backend backend;
    bool http = true;  // envoyHttpAls, else envoyTcpAls
    std::string logName;
    std::vector<std::string> filterState, requestHeaders, responseHeaders, responseTrailers;
    bool operator==(const GrpcLog&) const = default;
  };
  // A kind of our own: Istio has none for it.
  struct FluentdLog {
    Backend backend;
    std::string tag;
    LogFormat format;
    bool operator==(const FluentdLog&) const = default;
  };
  struct Header {
    std::string name, value;
    bool operator==(const Header&) const = default;
  };
  struct Zipkin {
    enum class Context { b3, b3_and_w3c };
    Backend backend;
    std::optional<std::uint32_t> maxTagLength;
    bool traceId64 = false;  // enable64bitTraceId
    std::string path;
    Context context = Context::b3;  // traceContextOption
    std::optional<Duration> timeout;
    std::vector<Header> headers;
    bool operator==(const Zipkin&) const = default;
  };
  struct OpenTelemetry {
    Backend backend;
    std::optional<std::uint32_t> maxTagLength;
    bool http = false;
    std::string path;
    std::optional<Duration> timeout;
    std::vector<Header> headers;
    bool environmentDetector = false;
    bool operator==(const OpenTelemetry&) const = default;
  };
  // At most one of these.
  bool prometheus = false;
  std::optional<FileLog> file;
  std::optional<OtelLog> otelLog;
  std::optional<GrpcLog> grpcLog;
  std::optional<FluentdLog> fluentd;
  std::optional<Zipkin> zipkin;
  std::optional<OpenTelemetry> openTelemetry;
  bool operator==(const TelemetryProvider&) const = default;

  [[nodiscard]] bool logs() const { return file || otelLog || grpcLog || fluentd; }
  [[nodiscard]] bool traces() const { return zipkin || openTelemetry; }
};

}  // namespace fairway::api
